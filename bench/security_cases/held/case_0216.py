import sqlite3

import tornado.web


class StatsHandler(tornado.web.RequestHandler):
    """Counts per table of the archive."""

    def get(self):
        requested = self.get_argument("table", "letters")
        table = requested
        if table not in ("letters", "photos", "maps"):
            table = "letters"
        connection = sqlite3.connect("archive.db")
        (count,) = connection.execute("SELECT count(*) FROM " + table).fetchone()
        connection.close()
        self.write({"table": table, "count": count})
