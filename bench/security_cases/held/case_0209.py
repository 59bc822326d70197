import os
import shlex

from flask import Flask, request

app = Flask(__name__)


@app.get("/lookup")
def lookup():
    domain = request.args["domain"]
    with os.popen("dig +short -- " + shlex.quote(domain)) as pipe:
        lines = pipe.read().split()
    return {"records": lines}
