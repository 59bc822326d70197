import operator

import tornado.web

TEMPLATE = """
def rule(order):
    return {condition}
"""


def compile_rule(condition):
    scope = {"operator": operator}
    exec(TEMPLATE.format(condition=condition), scope)
    return scope["rule"]


class RuleHandler(tornado.web.RequestHandler):
    def post(self):
        rule = compile_rule(self.get_body_argument("condition"))
        orders = self.application.settings["orders"]
        self.write({"matching": [order["id"] for order in orders if rule(order)]})
