from flask import Flask, request
from markupsafe import Markup

app = Flask(__name__)
ROW = Markup("<tr><td>{name}</td><td>{size}</td></tr>")


@app.post("/table")
def table():
    body = Markup("")
    for name, size in request.get_json().items():
        body += ROW.format(name=name, size=size)
    return Markup("<table>%s</table>") % body
