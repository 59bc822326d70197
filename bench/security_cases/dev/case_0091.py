from fastapi import FastAPI, Request
from pydantic import BaseModel

app = FastAPI()


class Choice(BaseModel):
    account: str
    note: str = ""


def remember(store, **values):
    store.update(values)


@app.post("/account")
async def choose(choice: Choice, request: Request):
    remember(request.session, account_id=choice.account)
    return {"note": choice.note}


@app.get("/balance")
async def balance(request: Request):
    return request.app.state.balances[request.session["account_id"]]
