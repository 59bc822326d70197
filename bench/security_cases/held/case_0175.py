import secrets

import tornado.web


class LoginHandler(tornado.web.RequestHandler):
    def post(self):
        user = self.get_body_argument("user")
        self.application.settings["sessions"][user] = key = secrets.token_urlsafe()
        self.set_secure_cookie("session", key, httponly=True)
        self.redirect("/")
