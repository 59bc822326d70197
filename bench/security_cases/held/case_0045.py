import ldap
from flask import Flask, request

app = Flask(__name__)


@app.get("/people")
def people():
    directory = ldap.initialize("ldap://directory.example.org")
    uid = request.args["uid"]
    found = directory.search_s("ou=people,dc=example,dc=org", ldap.SCOPE_SUBTREE, "(uid=" + uid + ")", ["cn"])
    return {"found": len(found)}
