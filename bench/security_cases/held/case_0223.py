import json
import logging

import psycopg2
from aiohttp import web

log = logging.getLogger(__name__)


async def rename(request):
    body = await request.json()
    params = {"table": "projects", "name": body["name"], "id": int(request.match_info["id"])}
    sql = "UPDATE {table} SET name = '{name}' WHERE id = {id}".format(**params)
    log.info("renaming project %d", params["id"])
    with psycopg2.connect(dbname="tracker") as connection, connection.cursor() as cursor:
        cursor.execute(sql)
    return web.Response(text=json.dumps({"ok": True}), content_type="application/json")


def main():
    app = web.Application()
    app.add_routes([web.put("/projects/{id}", rename)])
    web.run_app(app)
