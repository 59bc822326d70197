import pickle
from pathlib import Path

from flask import Flask, request

app = Flask(__name__)
VOCABULARY = Path(__file__).with_name("vocabulary.pickle")


def load_vocabulary():
    """The words that our build step wrote beside this module."""
    with VOCABULARY.open("rb") as file:
        return pickle.load(file)


@app.post("/unknown")
def unknown():
    words = request.get_json()["words"]
    known = load_vocabulary()
    return {"unknown": [word for word in words if word not in known]}
