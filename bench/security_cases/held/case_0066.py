from fastapi import FastAPI
from fastapi.responses import RedirectResponse

app = FastAPI()


@app.get("/out")
def out(to: str):
    """Count the click, then go on."""
    app.state.clicks = getattr(app.state, "clicks", 0) + 1
    return RedirectResponse(to, status_code=307)
