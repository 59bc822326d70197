import tornado.web
from lxml import etree


class RouteHandler(tornado.web.RequestHandler):
    def get(self):
        stop = self.get_argument("stop")
        tree = etree.parse("routes.xml")
        routes = [node for node in tree.xpath("//route") if node.findtext("stop") == stop]
        self.write({"stop": stop, "routes": [route.get("name") for route in routes]})
