import http.client

import tornado.web


class ThumbnailHandler(tornado.web.RequestHandler):
    def get(self):
        server, port = self.get_argument("server"), self.get_argument("port", "80")
        connection = http.client.HTTPConnection(server, int(port), timeout=3)
        connection.request("GET", "/favicon.ico")
        self.finish(connection.getresponse().read())
