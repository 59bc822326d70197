import sqlite3
from contextlib import closing
from dataclasses import dataclass

from flask import Flask, request

app = Flask(__name__)


@dataclass
class Criteria:
    country: str = "CH"
    minimum: int = 0

    def sql(self):
        return "country = '" + self.country + "' AND people >= " + str(self.minimum)


def cities(criteria):
    with closing(sqlite3.connect("world.db")) as connection:
        yield from connection.execute("SELECT name FROM cities WHERE " + criteria.sql())


@app.get("/cities")
def list_cities():
    criteria = Criteria()
    criteria.minimum = int(request.args.get("minimum", 0))
    if (country := request.args.get("country")) is not None:
        criteria.country = country
    return {"cities": [name for (name,) in cities(criteria)]}
