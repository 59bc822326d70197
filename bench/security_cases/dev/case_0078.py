from flask import Flask, request

app = Flask(__name__)


@app.get("/terms")
def terms():
    match request.args.get("lang"):
        case "de":
            name = "terms_de.txt"
        case "fr":
            name = "terms_fr.txt"
        case _:
            name = "terms_en.txt"
    with open("texts/" + name, encoding="utf-8") as file:
        return app.response_class(file.read(), mimetype="text/plain")
