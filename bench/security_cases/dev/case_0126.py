import sqlite3

import tornado.web


def where(**filters):
    return " AND ".join(f"{key} = '{value}'" for key, value in filters.items())


class MembersHandler(tornado.web.RequestHandler):
    def initialize(self, path):
        self.connection = sqlite3.connect(path)

    def get(self):
        city = self.get_query_argument("city")
        condition = where(city=city, active="yes")
        cursor = self.connection.cursor()
        cursor.execute("SELECT name FROM members WHERE " + condition)
        self.write({"members": [name for (name,) in cursor]})
