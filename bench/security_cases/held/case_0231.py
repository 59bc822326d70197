from fastapi import FastAPI, Request

app = FastAPI()


@app.post("/visit")
async def visit(request: Request):
    body = await request.json()
    title = body.get("title", "")
    request.session["visits"] = request.session.get("visits", 0) + 1
    return {"title": title, "visits": request.session["visits"]}
