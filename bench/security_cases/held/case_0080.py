from fastapi import FastAPI
from jinja2 import Environment
from pydantic import BaseModel

app = FastAPI()
environment = Environment(autoescape=True)


class Mailing(BaseModel):
    subject: str
    body: str
    names: list[str]


@app.post("/mailings/preview")
def preview(mailing: Mailing):
    template = environment.from_string(mailing.body)
    return [template.render(name=name) for name in mailing.names]
