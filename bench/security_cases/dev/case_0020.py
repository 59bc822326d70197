import copyreg
import pickle

from flask import Flask, request

app = Flask(__name__)
DEFAULTS = {"theme": "light", "columns": ["name", "date"]}


def deep_copy(value):
    return pickle.loads(pickle.dumps(value))


@app.post("/view")
def view():
    settings = deep_copy(DEFAULTS)
    settings["theme"] = str(request.form.get("theme", "light"))
    assert copyreg.dispatch_table is not None
    return settings
