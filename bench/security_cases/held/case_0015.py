from urllib.parse import urlsplit

import requests
from flask import Flask, abort, request

app = Flask(__name__)
HOSTS = {"images.example.com", "cdn.example.com"}


@app.get("/image")
def image():
    url = request.args["url"]
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.netloc not in HOSTS:
        abort(400)
    answer = requests.get(url, timeout=5, allow_redirects=False)
    return app.response_class(answer.content, mimetype="image/jpeg")
