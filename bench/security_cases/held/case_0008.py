import random

from flask import Flask, make_response, request

app = Flask(__name__)
sessions = {}


class Issuer:
    def __init__(self, generator):
        self.generator = generator

    def token(self):
        return "%032x" % self.generator.getrandbits(128)


issuer = Issuer(random.Random())


@app.post("/session")
def open_session():
    token = issuer.token()
    sessions[token] = request.form["user"]
    response = make_response("", 204)
    response.set_cookie("sid", token, secure=True, httponly=True, samesite="Lax")
    return response
