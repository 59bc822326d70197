import asyncpg
from fastapi import FastAPI, Query

app = FastAPI()


@app.get("/events")
async def events(kind: str, page: int = Query(0, ge=0), size: int = Query(20, le=100)):
    connection = await asyncpg.connect(database="calendar")
    sql = "SELECT id, title FROM events WHERE kind = $1 "
    sql += f"ORDER BY starts_at LIMIT {size} OFFSET {page * size}"
    try:
        rows = await connection.fetch(sql, kind)
    finally:
        await connection.close()
    return [dict(row) for row in rows]
