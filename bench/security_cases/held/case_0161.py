import tornado.web


class LogoutHandler(tornado.web.RequestHandler):
    def get(self):
        self.clear_cookie("session")
        site = self.get_argument("site", "www.example.com")
        address = "https://" + site + "/goodbye"
        self.set_header("Cache-Control", "no-store")
        self.redirect(address)
