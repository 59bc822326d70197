import urllib.parse
import urllib.request
from xml.etree import ElementTree

from flask import Flask, request

app = Flask(__name__)


def links(document):
    return [node.attrib["href"] for node in document.iter("link") if "href" in node.attrib]


def fetch_all(addresses):
    for address in addresses:
        with urllib.request.urlopen(address, timeout=3) as answer:
            yield len(answer.read())


@app.post("/opml")
def import_list():
    document = ElementTree.fromstring(request.get_data())
    wanted = [urllib.parse.urldefrag(link).url for link in links(document)]
    return {"sizes": list(fetch_all(wanted))}
