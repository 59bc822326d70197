import asyncio

from aiohttp import web


class Repository:
    def __init__(self, folder):
        self.folder = folder

    async def log(self, branch, count):
        process = await asyncio.create_subprocess_shell(
            f"git -C {self.folder} log --oneline -n {count} {branch}",
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        return out.decode()


async def history(request):
    repository = Repository("checkout")
    branch = request.query["branch"]
    return web.json_response({"log": (await repository.log(branch, 20)).splitlines()})
