from aiohttp import web

PLACES = {"docs": "https://docs.example.org/", "chat": "https://chat.example.org/"}


async def go(request):
    place = request.match_info["place"]
    try:
        location = PLACES[place]
    except KeyError:
        raise web.HTTPNotFound() from None
    raise web.HTTPFound(location)
