from urllib.parse import urlencode

import tornado.web


class SearchHandler(tornado.web.RequestHandler):
    def post(self):
        query = {"q": self.get_body_argument("q"), "page": 1}
        self.set_header("Cache-Control", "no-store")
        self.redirect("/results?" + urlencode(query))
