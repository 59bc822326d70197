import secrets

from aiohttp import web


def flags(**changed):
    chosen = {"secure": True, "httponly": True, "samesite": "Lax"}
    chosen.update(changed)
    return chosen


async def login(request):
    response = web.json_response({"ok": True})
    response.set_cookie("token", secrets.token_urlsafe(32), **flags(max_age=900))
    return response
