from flask import Flask, render_template_string, request

app = Flask(__name__)
PAGE = "<h1>Hello {{ name }}</h1><p>You came from {{ origin }}.</p>"


@app.get("/hello")
def hello():
    """A greeting for whoever follows a link."""
    return render_template_string(PAGE, name=request.args.get("name"), origin=request.referrer)
