import requests
from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/proxy")
def proxy():
    answer = requests.get(request.args["url"], timeout=5)
    return Response(answer.content, mimetype=answer.headers.get("Content-Type"))
