from flask import Flask, request
from lxml import etree

app = Flask(__name__)
BOOKS = etree.parse("books.xml")


@app.get("/books")
def books():
    author = request.args.get("author")
    found = BOOKS.xpath("//book[author='" + author + "']/title/text()")
    return {"titles": [str(title) for title in found]}
