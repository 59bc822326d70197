import tornado.web


class FeedbackHandler(tornado.web.RequestHandler):
    def post(self):
        message = self.get_body_argument("message")
        self.set_header("X-Frame-Options", "DENY")
        self.write("<p>Thank you. You wrote:</p><blockquote>")
        self.write(message)
        self.write("</blockquote>")
