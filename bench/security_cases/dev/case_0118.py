from string import Template

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

app = FastAPI()


@app.post("/letters", response_class=PlainTextResponse)
def letter(text: str, name: str, city: str):
    return Template(text).safe_substitute(name=name, city=city)
