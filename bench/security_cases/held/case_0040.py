from fastapi import FastAPI
from lxml import etree

app = FastAPI()


@app.get("/catalog/{section}")
def catalog(section: str, below: str = "100"):
    """Names of what is cheaper in a section."""
    find = etree.XPath(f"//section[@id=$section]/item[price < {below}]/name")
    document = etree.parse("catalog.xml")
    return [node.text for node in find(document, section=section)]
