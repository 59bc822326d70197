import sqlite3

from flask import Flask, g, jsonify, request

app = Flask(__name__)


def db():
    if "db" not in g:
        g.db = sqlite3.connect("shop.db")
        g.db.row_factory = sqlite3.Row
    return g.db


@app.get("/products")
def products():
    term = request.args.get("q", "")
    rows = db().execute(f"SELECT id, title FROM products WHERE title LIKE '%{term}%' LIMIT 50")
    return jsonify([dict(row) for row in rows])
