import ldap
from flask import Flask, request
from ldap.filter import escape_filter_chars

app = Flask(__name__)


@app.get("/staff")
def staff():
    uid = escape_filter_chars(request.args["uid"])
    directory = ldap.initialize("ldap://directory.example.org")
    found = directory.search_s("ou=staff,dc=example,dc=org", ldap.SCOPE_SUBTREE, f"(uid={uid})", ["cn"])
    return {"found": len(found)}
