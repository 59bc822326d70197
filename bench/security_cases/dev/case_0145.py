from flask import Flask, request
from lxml import etree

app = Flask(__name__)


@app.post("/parcels")
def parcels():
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(request.get_data(), parser)
    return {"parcels": [parcel.get("id") for parcel in root.iter("parcel")]}
