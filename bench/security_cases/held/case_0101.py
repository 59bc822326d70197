from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

app = FastAPI()


class Library:
    root = Path("media")

    def locate(self, collection: str, item: str) -> Path:
        return self.root / collection / item


@app.get("/download")
def download(item: str, collection: str = "covers"):
    path = Library().locate(collection, item)
    if not path.exists():
        return {"error": "missing"}
    return FileResponse(path)
