from flask import Flask, request
from lxml import etree

app = Flask(__name__)
BOOKS = etree.parse("books.xml")


@app.get("/authors")
def authors():
    title = request.args.get("title")
    found = BOOKS.xpath("//book[title=$title]/author/text()", title=title)
    return {"authors": [str(author) for author in found]}
