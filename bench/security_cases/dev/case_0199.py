from flask import Flask, make_response, request

app = Flask(__name__)


@app.get("/snippet.txt")
def snippet():
    text = "<script>track('" + request.args.get("site", "") + "')</script>"
    response = make_response(text)
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
