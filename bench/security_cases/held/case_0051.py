from flask import Flask, request
from markupsafe import escape

app = Flask(__name__)


@app.get("/hi")
def hi():
    name = escape(request.args.get("name", "guest"))
    return f"<html><body><h1>Hi, {name}!</h1></body></html>"
