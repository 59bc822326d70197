import jinja2
from aiohttp import web

SOURCE = "Order {{ number }}: {{ note }}"


async def slip(request):
    form = await request.post()
    fields = {"number": form["number"], "note": form.get("note", "")}
    source = fields.get("source", SOURCE)
    text = jinja2.Template(source).render(**fields)
    return web.Response(text=text)
