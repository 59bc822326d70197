from flask import Flask, flash, redirect, request, url_for

app = Flask(__name__)


@app.post("/items")
def add_item():
    item = {"name": request.form["name"], "link": request.form["link"]}
    app.config.setdefault("ITEMS", []).append(item)
    flash("Added a link to " + item["link"])
    return redirect(url_for("show_item", number=len(app.config["ITEMS"])))


@app.get("/items/<int:number>")
def show_item(number):
    return app.config["ITEMS"][number - 1]
