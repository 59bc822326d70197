import hashlib

from flask import Flask, request

app = Flask(__name__)
SUPPORTED = {"strong": "sha512", "default": "sha256"}


@app.post("/checksum")
def checksum():
    name = SUPPORTED.get(request.args.get("level"), SUPPORTED["default"])
    return {"algorithm": name, "checksum": hashlib.new(name, request.get_data()).hexdigest()}
