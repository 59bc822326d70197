from flask import Flask, request
from lxml import etree

app = Flask(__name__)


def finder(tree):
    def find(kind):
        return lambda key: tree.xpath("//%s[@code='%s']" % (kind, key))

    return find


@app.get("/airports/<code>")
def airport(code):
    find = finder(etree.parse("airports.xml"))("airport")
    found = find(code)
    return {"name": found[0].get("name") if found else None, "agent": request.user_agent.string}
