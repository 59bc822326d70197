import hashlib
import random
import time

from fastapi import FastAPI

app = FastAPI()


@app.post("/password/reset")
def reset(email: str):
    random.seed(time.time())
    token = hashlib.sha256(str(random.random()).encode()).hexdigest()
    app.state.resets[token] = email
    return {"sent": True}
