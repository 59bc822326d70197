import os

from flask import Flask, abort, request

app = Flask(__name__)
ROOT = os.path.realpath("handbook")


@app.get("/page")
def page():
    path = os.path.realpath(os.path.join(ROOT, request.args["page"]))
    if os.path.commonpath([ROOT, path]) != ROOT:
        abort(404)
    with open(path, encoding="utf-8") as file:
        return {"page": file.read()}
