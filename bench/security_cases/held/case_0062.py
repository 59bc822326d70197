from dataclasses import asdict, dataclass

from flask import Flask, request, session

app = Flask(__name__)


@dataclass
class Identity:
    tenant: str
    scopes: list[str]


def from_headers(headers):
    return Identity(headers.get("X-Tenant", ""), headers.get("X-Scopes", "").split())


@app.before_request
def attach():
    if "identity" not in session:
        session["identity"] = asdict(from_headers(request.headers))


@app.get("/documents")
def documents():
    identity = session["identity"]
    if "documents" not in identity["scopes"]:
        return "not allowed", 403
    return {"tenant": identity["tenant"]}
