from flask import Flask, request, send_from_directory
from werkzeug.utils import secure_filename

app = Flask(__name__)


@app.post("/avatar")
def store_avatar():
    picture = request.files["picture"]
    name = secure_filename(picture.filename) or "picture"
    picture.save("avatars/" + name)
    return {"stored": name}


@app.get("/avatar/<path:name>")
def show_avatar(name):
    return send_from_directory("avatars", name)
