import subprocess

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Resize(BaseModel):
    width: int
    name: str


@app.post("/resize")
def resize(order: Resize):
    script = " && ".join(
        [
            f"convert uploads/{order.name} -resize {order.width} thumbs/{order.name}",
            "echo done",
        ]
    )
    subprocess.check_call(["/bin/sh", "-c", script])
    return {"thumb": order.name}
