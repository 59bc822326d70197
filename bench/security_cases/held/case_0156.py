from aiohttp import web
from aiohttp_session import get_session


async def login(request):
    form = await request.post()
    session = await get_session(request)
    user = form.get("user", "").strip().lower()
    session["user_id"] = user
    raise web.HTTPFound("/home")
