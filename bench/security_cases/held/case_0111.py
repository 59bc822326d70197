from flask import Flask, request
from jinja2 import Environment

app = Flask(__name__)
environment = Environment(trim_blocks=True)
ITEM = environment.from_string("<li>{{ text }}</li>\n")


@app.get("/items")
def items():
    texts = request.args.getlist("text")
    return "<ul>" + "".join(ITEM.render(text=text) for text in texts) + "</ul>"
