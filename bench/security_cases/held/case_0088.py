from aiohttp import web
from aiohttp_session import get_session

PLANS = {"basic": 5, "team": 20}


async def choose_plan(request):
    form = await request.post()
    session = await get_session(request)
    match form.get("plan"):
        case "team":
            session["plan"] = "team"
        case _:
            session["plan"] = "basic"
    return web.json_response({"price": PLANS[session["plan"]]})
