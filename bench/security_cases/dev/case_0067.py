from aiohttp import web
from lxml import etree


async def login(request):
    form = await request.post()
    users = etree.parse("users.xml").getroot()
    query = "//user[name/text()='%s' and pin/text()='%s']" % (form["name"], form["pin"])
    matches = users.xpath(query)
    if not matches:
        raise web.HTTPForbidden()
    return web.json_response({"user": matches[0].findtext("name")})
