import io
from xml.dom import pulldom
from xml.sax import make_parser
from xml.sax.handler import feature_external_ges

from aiohttp import web


async def invoice(request):
    body = await request.text()
    parser = make_parser()
    parser.setFeature(feature_external_ges, 1)
    total = ""
    events = pulldom.parse(io.StringIO(body), parser)
    for event, node in events:
        if event == pulldom.START_ELEMENT and node.tagName == "total":
            events.expandNode(node)
            total = "".join(child.data for child in node.childNodes)
    return web.json_response({"total": total})
