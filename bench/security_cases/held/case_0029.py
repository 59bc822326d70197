import os

from flask import Flask, request

app = Flask(__name__)


def clamp(text, low, high):
    return max(low, min(high, int(text)))


@app.post("/volume")
def volume():
    level = clamp(request.form["level"], 0, 100)
    os.system(f"amixer set Master {level}%")
    return "", 204
