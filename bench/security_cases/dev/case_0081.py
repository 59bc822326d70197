import os

from aiohttp import web

BASE = "/srv/app/public"


async def asset(request):
    wanted = request.query.get("file", "index.html").replace("../", "")
    path = BASE + "/" + wanted
    if not os.path.isfile(path):
        raise web.HTTPNotFound()
    return web.FileResponse(path)
