import tarfile

from aiohttp import web


async def unpack(request):
    """Accept a bundle of measurements."""
    form = await request.post()
    with tarfile.open(fileobj=form["bundle"].file) as archive:
        archive.extractall("measurements", filter="data")
        count = len(archive.getmembers())
    return web.json_response({"count": count})
