"""A small TCP service that prints labels."""

import os
import socketserver


class LabelHandler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().decode("utf-8").strip()
        queue, _, text = line.partition(":")
        with os.popen("lp -d label_%s -t '%s'" % (queue, text)) as pipe:
            self.wfile.write(pipe.read().encode())


if __name__ == "__main__":
    with socketserver.TCPServer(("127.0.0.1", 9100), LabelHandler) as server:
        server.serve_forever()
