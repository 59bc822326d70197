import html

from aiohttp import web


async def guestbook(request):
    entries = [html.escape(entry) for entry in request.query.getall("entry", [])]
    entries.reverse()
    body = "<ol>" + "".join(f"<li>{entry}</li>" for entry in entries) + "</ol>"
    return web.Response(text=body, content_type="text/html")
