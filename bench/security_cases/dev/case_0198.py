from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

app = FastAPI()


@app.get("/echo", response_class=PlainTextResponse)
def echo(text: str):
    return f"<b>{text}</b> is what you sent"


@app.get("/greeting")
def greeting(name: str):
    return f"<p>Hello {name}</p>"
