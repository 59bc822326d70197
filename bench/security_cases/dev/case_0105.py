import ldap
from flask import Blueprint, request

accounts = Blueprint("accounts", __name__)


class Authenticator:
    def __init__(self, uri, base):
        self.uri = uri
        self.base = base

    def __enter__(self):
        self.link = ldap.initialize(self.uri)
        return self

    def __exit__(self, *_exc):
        self.link.unbind_s()

    def find(self, **attributes):
        parts = [f"({name}={value})" for name, value in attributes.items() if value]
        return self.link.search_s(self.base, ldap.SCOPE_SUBTREE, "(&" + "".join(parts) + ")")


@accounts.post("/find")
def find():
    with Authenticator("ldap://ldap.example.org", "dc=example,dc=org") as directory:
        found = directory.find(objectClass="person", mail=request.form.get("mail"))
    return {"count": len(found)}
