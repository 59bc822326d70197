import secrets
from http.cookies import SimpleCookie


def application(environ, start_response):
    jar = SimpleCookie()
    jar["sid"] = secrets.token_hex(16)
    jar["sid"]["path"] = "/"
    jar["sid"]["httponly"] = True
    start_response("200 OK", [("Set-Cookie", jar["sid"].OutputString())])
    return [b"hello"]
