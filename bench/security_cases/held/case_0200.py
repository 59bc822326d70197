import logging
import subprocess
from functools import partial

from flask import Flask, request

app = Flask(__name__)
run = partial(subprocess.run, shell=True, capture_output=True, text=True, check=False)


class Tool:
    def __init__(self, *words):
        self.words = list(words)

    def add(self, flag, value):
        self.words.extend([flag, value])
        return self

    def execute(self):
        line = " ".join(self.words)
        logging.info("running %s", line)
        return run(line).stdout


@app.get("/logs")
def logs():
    tool = Tool("journalctl", "--no-pager").add("--lines", "100")
    if unit := request.args.get("unit"):
        tool.add("--unit", unit)
    return {"lines": tool.execute().splitlines()}
