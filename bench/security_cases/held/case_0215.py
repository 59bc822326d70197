import tornado.escape
import tornado.web


class CounterHandler(tornado.web.RequestHandler):
    def get(self):
        count = int(self.get_argument("count", "1"))
        label = self.get_argument("label", "clicks")
        self.set_header("Cache-Control", "no-store")
        self.write("<p>%d %s</p>" % (count, tornado.escape.xhtml_escape(label)))
