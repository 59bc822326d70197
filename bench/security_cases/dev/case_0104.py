from Crypto.Cipher import AES
from flask import Flask, current_app, request

app = Flask(__name__)


@app.post("/letters")
def seal_letter():
    cipher = AES.new(current_app.config["LETTER_KEY"], AES.MODE_EAX)
    sealed, tag = cipher.encrypt_and_digest(request.get_data())
    return {"nonce": cipher.nonce.hex(), "tag": tag.hex(), "sealed": sealed.hex()}
