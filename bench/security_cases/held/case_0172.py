from flask import Flask, abort, request, session

app = Flask(__name__)
LANGUAGES = {"de", "en", "fr", "it"}


@app.post("/language")
def language():
    chosen = request.form.get("language")
    if chosen not in LANGUAGES:
        abort(400)
    session["language"] = chosen
    return "", 204
