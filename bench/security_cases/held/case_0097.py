from aiohttp import web
from lxml import etree


async def recipe(request):
    dish = request.query["dish"]
    if "'" in dish or '"' in dish:
        raise web.HTTPBadRequest(text="no quotes, please")
    tree = etree.parse("recipes.xml")
    steps = tree.xpath(f"//recipe[@dish='{dish}']/step/text()")
    return web.json_response({"dish": dish, "steps": [str(step) for step in steps]})
