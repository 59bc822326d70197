import code
import io
from contextlib import redirect_stdout

from aiohttp import web


async def console(request):
    line = await request.text()
    interpreter = code.InteractiveInterpreter({"app": request.app})
    out = io.StringIO()
    with redirect_stdout(out):
        interpreter.runsource(line)
    return web.Response(text=out.getvalue())


app = web.Application()
app.router.add_post("/console", console)
