import secrets
from http.cookies import SimpleCookie


def application(environ, start_response):
    jar = SimpleCookie()
    jar["sid"] = secrets.token_hex(16)
    morsel = jar["sid"]
    for flag in ("secure", "httponly"):
        morsel[flag] = True
    morsel["samesite"] = "Strict"
    start_response("200 OK", [("Set-Cookie", morsel.OutputString())])
    return [b"hello"]
