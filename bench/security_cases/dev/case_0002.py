import elementpath
import tornado.web
from lxml import etree


def selector(kind, key):
    return "/inventory/{}[@key='{}']".format(kind, key)


class InventoryHandler(tornado.web.RequestHandler):
    def get(self, kind):
        root = etree.parse("inventory.xml").getroot()
        nodes = elementpath.select(root, selector("tool", self.get_argument("key")))
        self.write({"kind": kind, "found": len(nodes)})
