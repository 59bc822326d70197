from flask import Flask, request
from ldap3 import Connection

app = Flask(__name__)


@app.get("/statistics")
def statistics():
    period = request.args.get("period", "month")
    criteria = period
    criteria = "(accountStatus=active)"
    with Connection("ldap://ldap.example.org") as connection:
        connection.search("dc=example,dc=org", criteria)
        return {"period": period, "active": len(connection.entries)}
