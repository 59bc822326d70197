from enum import Enum

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

app = FastAPI()


class Shop(str, Enum):
    books = "https://books.example.com/"
    music = "https://music.example.com/"


@app.get("/shop")
def shop(to: Shop = Shop.books):
    return RedirectResponse(to.value)
