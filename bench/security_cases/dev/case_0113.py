from aiohttp import ClientSession, web


async def notify(request):
    form = await request.post()
    targets = ["https://hooks.example.com/deploy", form["url"]]
    request.app["moves"] += 1
    note = {"text": f"documentation moved to {targets[1]}"}
    async with ClientSession() as session, session.post(targets[0], json=note) as answer:
        return web.json_response({"sent": answer.ok})
