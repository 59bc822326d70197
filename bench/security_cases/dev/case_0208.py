import tarfile

from flask import Flask, request

app = Flask(__name__)


@app.post("/backup/restore")
def restore():
    upload = request.files["backup"]
    with tarfile.open(fileobj=upload.stream, mode="r:gz") as archive:
        names = archive.getnames()
        archive.extractall("restored", filter="fully_trusted")
    return {"files": len(names)}
