import joblib
from fastapi import FastAPI, UploadFile

app = FastAPI()


@app.post("/models")
def add_model(upload: UploadFile):
    model = joblib.load(upload.file)
    app.state.model = model
    return {"features": list(getattr(model, "feature_names_in_", []))}
