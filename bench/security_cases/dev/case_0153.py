import asyncpg
from fastapi import Depends, FastAPI

app = FastAPI()


async def pool():
    return await asyncpg.create_pool(database="inventory")


class StockRepository:
    def __init__(self, connection):
        self.connection = connection

    async def by_warehouse(self, warehouse: str):
        clause = "warehouse = '%s'" % warehouse
        return await self._select(clause)

    async def _select(self, where: str):
        return await self.connection.fetch("SELECT sku, amount FROM stock WHERE " + where)


@app.get("/stock/{warehouse}")
async def stock(warehouse: str, connections=Depends(pool)):
    async with connections.acquire() as connection:
        rows = await StockRepository(connection).by_warehouse(warehouse)
    return [dict(row) for row in rows]
