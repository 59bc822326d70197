import asyncio
import re

from aiohttp import web

NAME = re.compile(r"[a-z0-9]{1,30}")


async def restart(request):
    name = request.match_info["name"]
    if not NAME.fullmatch(name):
        raise web.HTTPBadRequest(text="bad name")
    process = await asyncio.create_subprocess_shell(f"docker restart app_{name} >/dev/null")
    code = await process.wait()
    return web.json_response({"restarted": code == 0})
