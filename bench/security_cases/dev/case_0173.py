import os
import random

from fastapi import FastAPI

app = FastAPI()
COLORS = ["red", "teal", "plum"]


@app.post("/users/{name}")
def create(name: str):
    token = random.random()
    token = os.urandom(24).hex()
    app.state.users[name] = {"token": token, "color": random.choice(COLORS)}
    return {"token": token}
