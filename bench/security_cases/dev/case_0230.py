import redis
from flask import Flask, request

app = Flask(__name__)
store = redis.Redis()

TAKE = """
local left = tonumber(redis.call('get', KEYS[1]) or ARGV[1])
if left > 0 then redis.call('set', KEYS[1], left - 1) end
return left
"""


@app.post("/take")
def take():
    client = request.form["client"]
    left = store.eval(TAKE, 1, "quota:" + client, 100)
    return {"left": int(left)}
