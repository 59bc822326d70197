from flask import Flask, request

from .models import Article, db

app = Flask(__name__)


@app.get("/articles")
def articles():
    term = request.args.get("q", "")
    query = db.session.query(Article).filter(Article.title.ilike(f"%{term}%"))
    if request.args.get("author"):
        query = query.filter_by(author=request.args["author"])
    return {"articles": [article.title for article in query.limit(20)]}
