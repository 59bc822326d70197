import requests
from flask import Flask, request

app = Flask(__name__)


def endpoint(settings):
    return f"https://{settings['region']}.storage.example.com/buckets/{settings['bucket']}"


@app.get("/buckets/<int:bucket>")
def bucket_info(bucket):
    region = "eu" if request.args.get("region") == "eu" else "us"
    answer = requests.get(endpoint({"region": region, "bucket": bucket}), timeout=5)
    return {"status": answer.status_code}
