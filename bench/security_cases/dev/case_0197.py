import uuid

import tornado.web


class UploadHandler(tornado.web.RequestHandler):
    def put(self):
        original = self.get_query_argument("name")
        key = uuid.uuid4().hex
        with open(f"uploads/{key}.bin", "wb") as file:
            file.write(self.request.body)
        self.write({"key": key, "name": original})

    def get(self):
        key = uuid.UUID(self.get_query_argument("key")).hex
        with open(f"uploads/{key}.bin", "rb") as file:
            self.finish(file.read())
