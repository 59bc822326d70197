import httpx
from fastapi import BackgroundTasks, FastAPI
from pydantic import BaseModel

app = FastAPI()


class Subscription(BaseModel):
    topic: str
    callback: str


async def greet(subscription: Subscription):
    async with httpx.AsyncClient() as client:
        await client.post(subscription.callback, json={"topic": subscription.topic, "event": "subscribed"})


@app.post("/subscriptions", status_code=202)
async def subscribe(subscription: Subscription, tasks: BackgroundTasks):
    tasks.add_task(greet, subscription)
    return {"accepted": True}
