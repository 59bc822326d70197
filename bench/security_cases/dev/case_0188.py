import uuid

import numpy as np
import tornado.web

generator = np.random.default_rng()


class KeyHandler(tornado.web.RequestHandler):
    def post(self):
        secret = generator.bytes(20).hex()
        number = str(uuid.uuid4())
        self.application.settings["api_keys"][secret] = number
        self.write({"id": number, "api_key": secret})
