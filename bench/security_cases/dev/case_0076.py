import psycopg
from aiohttp import web
from psycopg import sql


async def dump_column(request):
    table = request.match_info["table"]
    column = request.query.get("column", "id")
    query = sql.SQL("SELECT {column} FROM {table} LIMIT 10").format(
        column=sql.Identifier(column),
        table=sql.Identifier("public", table),
    )
    async with await psycopg.AsyncConnection.connect("dbname=warehouse") as connection:
        async with connection.cursor() as cursor:
            await cursor.execute(query)
            rows = await cursor.fetchall()
    return web.json_response([row[0] for row in rows])
