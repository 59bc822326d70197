from flask import Flask, request
from jinja2 import Environment

app = Flask(__name__)
environment = Environment(autoescape=True)
ITEM = environment.from_string("<li class='{{ kind }}'>{{ text }}</li>")


@app.get("/items")
def items():
    texts = request.args.getlist("text")
    parts = [ITEM.render(kind="new" if index == 0 else "old", text=text) for index, text in enumerate(texts)]
    return "<ul>" + "".join(parts) + "</ul>"
