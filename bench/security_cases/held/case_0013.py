from aiohttp import web


def destination(query):
    target = query.get("continue", "/home")
    if not target.startswith("/"):
        target = "/home"
    return target


async def consent(request):
    raise web.HTTPFound(location=destination(request.query))
