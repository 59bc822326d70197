from fastapi import FastAPI
from lxml import etree

app = FastAPI()
FIELDS = {"name", "city", "country"}


@app.get("/stations")
def stations(field: str, value: str):
    if field not in FIELDS:
        return []
    tree = etree.parse("stations.xml")
    query = "//station[" + field + "=$value]"
    return [station.get("id") for station in tree.xpath(query, value=value)]
