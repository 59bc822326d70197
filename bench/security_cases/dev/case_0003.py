from collections import namedtuple

import tornado.web

Field = namedtuple("Field", "name cast")
FIELDS = [Field("age", "int"), Field("height", "float")]


class ProfileHandler(tornado.web.RequestHandler):
    def post(self):
        values = {}
        for field in FIELDS:
            raw = self.get_body_argument(field.name)
            cast = eval(field.cast)
            values[field.name] = cast(raw)
        self.write(values)
