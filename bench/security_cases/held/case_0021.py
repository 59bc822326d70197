import shutil

import tornado.web


def workspace_of(user):
    return "workspaces/" + user


class CleanHandler(tornado.web.RequestHandler):
    """Forget everything that a visitor left."""

    def delete(self):
        user = self.get_argument("user")
        folder = workspace_of(user)
        shutil.rmtree(folder, ignore_errors=True)
        self.set_status(204)
