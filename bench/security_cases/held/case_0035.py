import requests
from flask import Flask, request

app = Flask(__name__)
API = "https://api.example.com"


@app.get("/forward")
def forward():
    path = request.args.get("path", "/v1/ping")
    answer = requests.get(API + path, headers={"Accept": "application/json"}, timeout=10)
    return answer.json()
