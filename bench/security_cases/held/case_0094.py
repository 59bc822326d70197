import sqlite3
from contextlib import closing
from dataclasses import dataclass

from flask import Flask, request

app = Flask(__name__)


@dataclass
class Criteria:
    country: str = "CH"
    label: str = ""

    def sql(self):
        return "country = '" + self.country + "'"


@app.get("/cities")
def list_cities():
    criteria = Criteria()
    criteria.label = request.args.get("label", "")
    with closing(sqlite3.connect("world.db")) as connection:
        rows = connection.execute("SELECT name FROM cities WHERE " + criteria.sql()).fetchall()
    return {"label": criteria.label, "cities": [name for (name,) in rows]}
