import re

from fastapi import FastAPI, HTTPException
from ldap3 import Connection

app = FastAPI()


@app.get("/badge/{code}")
def badge(code: str):
    if re.fullmatch(r"[A-Z]{2}\d{4}", code) is None:
        raise HTTPException(422, "a badge looks like AB1234")
    with Connection("ldap://ldap.example.net") as connection:
        connection.search("ou=badges,o=example", "(badge=" + code + ")", attributes=["owner"])
        return {"owners": [entry.owner.value for entry in connection.entries]}
