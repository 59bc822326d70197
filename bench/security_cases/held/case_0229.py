from flask import Flask, request

app = Flask(__name__)


@app.get("/welcome")
def welcome():
    name = request.args.get("name", "guest")
    app.logger.info("a visitor")
    return f"<html><body><h1>Welcome, {name}!</h1></body></html>"
