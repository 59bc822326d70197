import tornado.template
import tornado.web


class BannerHandler(tornado.web.RequestHandler):
    def get(self):
        text = self.get_argument("text", "Welcome")
        source = "<div class='banner'>" + text + "</div>"
        banner = tornado.template.Template(source)
        self.finish(banner.generate(year=2024))
