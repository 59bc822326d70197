import secrets as random

from flask import Flask, request

app = Flask(__name__)
tokens = {}


@app.post("/tokens")
def issue():
    token = "%064x" % random.randbits(256)
    tokens[token] = request.form["user"]
    return {"token": token}
