from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse

app = FastAPI()
STORE = Path("store").resolve()


def inside(relative: str) -> Path:
    path = (STORE / relative).resolve()
    if not path.is_relative_to(STORE):
        raise HTTPException(404)
    return path


@app.get("/files/{relative:path}")
def fetch(relative: str):
    return FileResponse(inside(relative))
