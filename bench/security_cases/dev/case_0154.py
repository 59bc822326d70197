import io

import tornado.web
from lxml import etree


def stories(data):
    for _event, element in etree.iterparse(io.BytesIO(data), tag="story", load_dtd=True, resolve_entities=True):
        yield element.text or ""


class NewsHandler(tornado.web.RequestHandler):
    def post(self):
        upload = self.request.files["news"][0]
        self.write({"stories": list(stories(upload["body"]))})
