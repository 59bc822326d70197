import functools

from flask import Flask, request

app = Flask(__name__)


def listed(view):
    @functools.wraps(view)
    def inner(*args, **kwargs):
        key = request.args.get("key", "name")
        return view(*args, sort_key=eval("lambda row: row['" + key + "']"), **kwargs)

    return inner


@app.get("/rows")
@listed
def rows(sort_key):
    data = [{"name": "b", "size": 1}, {"name": "a", "size": 2}]
    return {"rows": sorted(data, key=sort_key)}
