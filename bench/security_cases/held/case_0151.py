import tornado.web
from lxml import etree

MENU = b"""<!DOCTYPE menu [<!ENTITY house "Blue Door">]>
<menu><title>&house;</title><dish>Soup</dish></menu>"""


class MenuHandler(tornado.web.RequestHandler):
    def get(self):
        parser = etree.XMLParser(resolve_entities=True)
        root = etree.fromstring(MENU, parser)
        self.write({"title": root.findtext("title"), "guest": self.get_argument("guest", "")})
