import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Store:
    def __init__(self, folder):
        self.folder = Path(folder)

    def save(self, key, value):
        (self.folder / f"{key}.json").write_text(json.dumps(value))


class Handler(BaseHTTPRequestHandler):
    store = Store("documents")

    def do_PUT(self):
        key = unquote(urlsplit(self.path).path.lstrip("/"))
        length = int(self.headers["Content-Length"])
        self.store.save(key, json.loads(self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
