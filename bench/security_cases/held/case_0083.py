from flask import Flask, request, session

app = Flask(__name__)


@app.post("/role")
def choose_role():
    session["role"] = request.form["role"]
    return {"role": session["role"]}


@app.get("/admin")
def admin():
    return {"admin": True} if session.get("role") == "admin" else ("no", 403)
