from urllib.parse import quote
from urllib.request import Request, urlopen

import tornado.web


class PackageHandler(tornado.web.RequestHandler):
    def get(self, name):
        url = "https://packages.example.org/json/" + quote(name, safe="")
        with urlopen(Request(url, headers={"User-Agent": "mirror"}), timeout=5) as answer:
            self.finish(answer.read())
