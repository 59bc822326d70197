import io

from aiohttp import web
from defusedxml import sax
from xml.sax.handler import ContentHandler


class Depth(ContentHandler):
    def __init__(self):
        super().__init__()
        self.now = self.deepest = 0

    def startElement(self, name, attrs):
        self.now += 1
        self.deepest = max(self.deepest, self.now)

    def endElement(self, name):
        self.now -= 1


async def depth(request):
    handler = Depth()
    sax.parse(io.BytesIO(await request.read()), handler, forbid_external=True)
    return web.json_response({"depth": handler.deepest})
