from flask import Flask, make_response

app = Flask(__name__)
app.config["SESSION_COOKIE_SECURE"] = True


class Browser:
    """Remembers what a page set, for our own tests."""

    def __init__(self):
        self.jar = {}

    def set_cookie(self, name, value):
        self.jar[name] = value


@app.get("/logout")
def logout():
    Browser().set_cookie("session", "")
    response = make_response("bye")
    response.delete_cookie("session", secure=True)
    return response
