from urllib.parse import urlparse

from flask import Flask, make_response, request

app = Flask(__name__)


@app.get("/pay/done")
def paid():
    back = request.args["back"]
    if "shop.example.com" not in urlparse(back).geturl():
        back = "https://shop.example.com/"
    response = make_response("", 302)
    response.headers["Location"] = back
    return response
