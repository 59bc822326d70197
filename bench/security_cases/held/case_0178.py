import json
import pickle
from dataclasses import dataclass, field

from flask import Flask, request

app = Flask(__name__)


@dataclass
class Codec:
    name: str = "json"
    functions: dict = field(default_factory=lambda: {"json": json.loads, "pickle": pickle.loads})

    def decode(self, data):
        return self.functions["json"](data)


@app.post("/events")
def add_event():
    event = Codec().decode(request.data)
    return {"kind": event.get("kind")}
