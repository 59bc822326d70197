import defusedxml.ElementTree as ET
from fastapi import FastAPI, UploadFile

app = FastAPI()


@app.post("/tracks")
def tracks(upload: UploadFile):
    """Points of a GPX file."""
    root = ET.parse(upload.file).getroot()
    return [(point.get("lat"), point.get("lon")) for point in root.iter("trkpt")]
