import hashlib
import os

from flask import Flask, request

app = Flask(__name__)
KEY = os.environ["WEBHOOK_KEY"]
ALGORITHM = "sha1"


@app.post("/webhook")
def webhook():
    expected = hashlib.new(ALGORITHM, KEY.encode() + request.get_data()).hexdigest()
    if request.headers.get("X-Signature") != expected:
        return {"error": "signature"}, 403
    return {"ok": True}
