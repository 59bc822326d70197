from fastapi import FastAPI, UploadFile
from lxml import etree

app = FastAPI()


class Feed:
    """An uploaded feed, read with the options that its kind needs."""

    options = {"no_network": False, "resolve_entities": True, "dtd_validation": True}

    def __init__(self, stream):
        self.tree = etree.parse(stream, etree.XMLParser(**self.options))

    def titles(self):
        return [node.text for node in self.tree.iterfind(".//title")]


@app.post("/feeds")
def add_feed(upload: UploadFile):
    return Feed(upload.file).titles()
