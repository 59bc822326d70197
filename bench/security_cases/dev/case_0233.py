import json

from jinja2 import DictLoader, Environment


def on_message(message, publish):
    """Render what a customer of the platform sent through the broker."""
    order = json.loads(message.body)
    templates = {"header": "Dear {{ name }},", "main": "{% include 'header' %}\n" + order["text"]}
    environment = Environment(loader=DictLoader(templates))
    publish(environment.get_template("main").render(name=order["name"]))
