from fastapi import FastAPI
from ldap3 import SUBTREE, Connection
from pydantic import BaseModel

app = FastAPI()


class Login(BaseModel):
    name: str
    department: str


def any_of(pairs):
    return "(|" + "".join("(%s=%s)" % pair for pair in pairs) + ")"


@app.post("/whois")
def whois(login: Login):
    with Connection("ldap://ldap.example.net") as connection:
        connection.search(
            search_base="o=example",
            search_filter=any_of([("sn", login.name), ("mail", login.name)]),
            search_scope=SUBTREE,
        )
        return [entry.entry_dn for entry in connection.entries]
