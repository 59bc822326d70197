from fastapi import Depends, FastAPI, HTTPException
from passlib.hash import hex_md5
from pydantic import BaseModel

app = FastAPI()


class Credentials(BaseModel):
    name: str
    password: str


def users():
    return app.state.users


@app.post("/session")
def login(given: Credentials, known=Depends(users)):
    if not hex_md5.verify(given.password, known.get(given.name, "")):
        raise HTTPException(401)
    return {"name": given.name}
