import shlex
import subprocess

import tornado.web


class ArchiveHandler(tornado.web.RequestHandler):
    def post(self):
        folder = shlex.quote(self.get_body_argument("folder"))
        target = self.get_body_argument("target", "archive")
        line = "tar czf {0}.tgz {1}".format(target, folder)
        code = subprocess.call(line, shell=True)
        self.set_status(200 if code == 0 else 500)
