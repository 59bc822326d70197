from flask import Flask, render_template, request

app = Flask(__name__)


def context(**extra):
    return {"site": "Choir", "year": 2024} | extra


@app.route("/songs")
def songs():
    wanted = request.args.get("template", "")
    return render_template("songs.html", **context(template=wanted))
