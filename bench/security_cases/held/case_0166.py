import secrets

import tornado.web


class LoginHandler(tornado.web.RequestHandler):
    def post(self):
        key = secrets.token_urlsafe()
        self.application.settings["sessions"][key] = self.get_body_argument("user")
        self.set_signed_cookie("session", key, httponly=True, secure=True, samesite="Lax")
        self.redirect("/")
