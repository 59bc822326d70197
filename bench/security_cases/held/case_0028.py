from flask import Flask, request
from lxml import etree

app = Flask(__name__)


def parser_for(trusted):
    options = {"resolve_entities": False, "load_dtd": False, "no_network": True}
    if trusted:
        options["huge_tree"] = True
    return etree.XMLParser(**options)


@app.post("/survey")
def survey():
    tree = etree.fromstring(request.data, parser_for(trusted=False))
    return {"answers": len(tree.findall("answer"))}
