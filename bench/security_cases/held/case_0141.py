import operator

from aiohttp import web

OPERATIONS = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}


async def evaluate(request):
    body = await request.json()
    stack = []
    for token in body["tokens"]:
        if token in OPERATIONS:
            right, left = stack.pop(), stack.pop()
            stack.append(OPERATIONS[token](left, right))
        else:
            stack.append(float(token))
    return web.json_response({"value": stack.pop()})
