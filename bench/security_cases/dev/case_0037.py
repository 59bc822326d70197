import timeit

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.post("/snippets/time")
def time_snippet():
    payload = request.get_json()
    setup = payload.get("setup", "pass")
    statement = payload["statement"]
    seconds = timeit.timeit(statement, setup=setup, number=1000)
    return jsonify(seconds=seconds)
