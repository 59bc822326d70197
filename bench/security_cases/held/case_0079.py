from flask import Flask, request

app = Flask(__name__)

SOURCE = "def greet(name):\n    return 'Hello ' + name\n"


@app.get("/greet")
def greet():
    visitor = request.args.get("name", "you")
    source = visitor
    source = SOURCE
    scope = {}
    exec(compile(source, "greeting", "exec"), scope)
    return {"text": scope["greet"](visitor)}
