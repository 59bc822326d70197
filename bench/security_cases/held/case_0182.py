from aiohttp import web


async def search(request):
    query = request.query.get("q", "")
    hits = [title for title in request.app["titles"] if query.lower() in title.lower()]
    hits.sort()
    items = "".join("<li>%s</li>" % hit for hit in hits)
    body = "<h2>%d hits for %s</h2><ul>%s</ul>" % (len(hits), query, items)
    return web.Response(text=body, content_type="text/html")
