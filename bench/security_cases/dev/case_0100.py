import json

from jinja2 import DictLoader, Environment

TEMPLATES = {"header": "Dear {{ name }},", "main": "{% include 'header' %}\n{{ text }}\n"}


def on_message(message, publish):
    """Render what a customer of the platform sent through the broker."""
    order = json.loads(message.body)
    environment = Environment(loader=DictLoader(TEMPLATES))
    template = environment.get_template("main")
    publish(template.render(name=order["name"], text=order["text"]))
