from flask import Flask, render_template, request
from markupsafe import Markup

app = Flask(__name__)


def highlight(text, term):
    return Markup(text.replace(term, "<mark>" + term + "</mark>"))


@app.get("/find")
def find():
    term = request.args["term"]
    excerpt = highlight("Nothing was found for " + term, term)
    return render_template("find.html", excerpt=excerpt)
