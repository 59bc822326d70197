from urllib.parse import urlparse

from flask import Flask, abort, redirect, request

app = Flask(__name__)
PARTNERS = ("partner.example.com", "shop.example.com")


@app.get("/leave")
def leave():
    target = request.args["to"]
    parts = urlparse(target)
    if parts.scheme != "https" or parts.netloc not in PARTNERS:
        abort(400)
    return redirect(target)
