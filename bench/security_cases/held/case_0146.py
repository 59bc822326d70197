import secrets

from fastapi import FastAPI, Response

app = FastAPI()


class SessionCookie:
    name = "auth"

    def __init__(self, production: bool):
        self.production = production

    def send(self, response: Response, token: str) -> None:
        response.set_cookie(key=self.name, value=token, max_age=86400, secure=False, httponly=self.production)


@app.post("/auth")
def auth(response: Response):
    SessionCookie(production=True).send(response, secrets.token_hex(32))
    return {"ok": True}
