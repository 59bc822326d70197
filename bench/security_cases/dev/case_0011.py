from flask import Flask, request
from lxml import etree

app = Flask(__name__)


@app.post("/settings")
def settings():
    query = {"user": request.form["user"], "path": "//setting[@public='yes']"}
    tree = etree.parse("settings.xml")
    names = [node.get("name") for node in tree.xpath(query["path"])]
    return {"user": query["user"], "names": names}
