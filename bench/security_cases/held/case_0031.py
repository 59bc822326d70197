import subprocess

import tornado.web


class RenderHandler(tornado.web.RequestHandler):
    def post(self):
        settings = {"quality": "80", "input": "stage/current.mov"}
        settings["title"] = self.get_body_argument("title")
        command = "ffmpeg -i %s -q %s out.mp4" % (settings["input"], settings["quality"])
        subprocess.run(command, shell=True, check=True)
        self.write({"title": settings["title"], "state": "rendered"})
