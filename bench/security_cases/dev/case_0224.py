import jinja2
from aiohttp import web


def load(parts):
    return jinja2.Template("\n".join(parts))


async def certificate(request):
    form = await request.post()
    lines = ["Certificate for {{ name }}", "given on {{ day }}"]
    if form.get("footer"):
        lines.append(form["footer"])
    text = load(lines).render(name=form["name"], day=form["day"])
    return web.Response(text=text)
