import torch
from fastapi import FastAPI, UploadFile

app = FastAPI()


@app.post("/weights")
def load_weights(upload: UploadFile):
    state = torch.load(upload.file, map_location="cpu", weights_only=True)
    return {"tensors": sorted(state)}
