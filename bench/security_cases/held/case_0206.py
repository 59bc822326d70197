import sqlite3

from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/invoices")
def invoices():
    ids = request.args.getlist("id")
    if not ids:
        return jsonify([])
    marks = ",".join("?" * len(ids))
    connection = sqlite3.connect("billing.db")
    try:
        rows = connection.execute(f"SELECT id, amount FROM invoices WHERE id IN ({marks})", ids).fetchall()
    finally:
        connection.close()
    return jsonify([{"id": number, "amount": amount} for number, amount in rows])
