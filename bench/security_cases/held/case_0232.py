import json as pickle

from flask import Flask, request

app = Flask(__name__)


@app.post("/jobs")
def add_job():
    job = pickle.loads(request.data)
    return {"name": job["name"], "queued": True}
