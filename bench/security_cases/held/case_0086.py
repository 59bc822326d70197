import os

from flask import Flask, request

app = Flask(__name__)
NOTES = "notes"


@app.get("/note")
def note():
    name = request.args["name"]
    with open(os.path.join(NOTES, name), encoding="utf-8") as file:
        return {"text": file.read()}
