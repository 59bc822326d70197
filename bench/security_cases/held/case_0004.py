from aiohttp import ClientSession, web


class Upstream:
    def __init__(self, session):
        self.session = session
        self.host = "status.example.com"

    async def health(self):
        async with self.session.get(f"https://{self.host}/health") as answer:
            return answer.status


async def check(request):
    async with ClientSession() as session:
        upstream = Upstream(session)
        if "host" in request.query:
            upstream.host = request.query["host"]
        return web.json_response({"status": await upstream.health()})
