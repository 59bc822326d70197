import jinja2
import tornado.web

environment = jinja2.Environment(loader=jinja2.FileSystemLoader("templates"), autoescape=True)
THEMES = ("plain", "dark", "festive")


class ShopHandler(tornado.web.RequestHandler):
    def get(self):
        theme = self.get_argument("theme", "plain")
        if theme not in THEMES:
            theme = "plain"
        template = environment.get_template(f"shop_{theme}.html")
        self.finish(template.render(query=self.get_argument("q", "")))
