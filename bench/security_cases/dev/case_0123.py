from flask import Flask, request

app = Flask(__name__)


@app.get("/calc")
def calc():
    expression = request.args["expression"].strip()
    try:
        return {"value": eval(expression)}
    except ArithmeticError as error:
        return {"error": str(error)}, 400
