from flask import Flask, request
from sqlalchemy import create_engine, text

app = Flask(__name__)
engine = create_engine("mysql+pymysql:///forum")


class Filter:
    def __init__(self):
        self.parts = []
        self.values = {}

    def equals(self, column, value):
        key = f"p{len(self.values)}"
        self.parts.append(f"{column} = :{key}")
        self.values[key] = value


@app.route("/threads")
def threads():
    chosen = Filter()
    for column in ("board", "author"):
        if column in request.args:
            chosen.equals(column, request.args[column])
    condition = " AND ".join(chosen.parts) or "1 = 1"
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, subject FROM threads WHERE " + condition), chosen.values)
        return {"threads": [list(row) for row in rows]}
