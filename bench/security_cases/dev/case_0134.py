import ast

from flask import Flask, request

app = Flask(__name__)


@app.post("/matrix")
def matrix():
    try:
        rows = ast.literal_eval(request.form["rows"])
    except (SyntaxError, ValueError):
        return {"error": "not a matrix"}, 400
    return {"trace": sum(row[i] for i, row in enumerate(rows))}
