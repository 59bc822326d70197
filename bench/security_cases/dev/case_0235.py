from flask import Flask, request, session

app = Flask(__name__)


@app.post("/rooms")
def enter_room():
    values = {"room": request.form["room"], "entered": True}
    session["entered"] = values["entered"]
    return {"welcome": values["room"]}
