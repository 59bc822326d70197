from flask import Flask, redirect, request, session

app = Flask(__name__)


@app.post("/login")
def login():
    session["seen"] = True
    session.permanent = True
    return redirect(request.args.get("next") or "/")
