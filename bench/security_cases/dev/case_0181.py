import jsonpickle
from aiohttp import web


async def restore(request):
    state = await request.text()
    board = jsonpickle.decode(state)
    request.app["boards"][request.match_info["game"]] = board
    return web.json_response({"restored": True})


def create():
    app = web.Application()
    app["boards"] = {}
    app.router.add_put("/games/{game}", restore)
    return app
