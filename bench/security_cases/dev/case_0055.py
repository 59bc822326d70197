import shelve
from tempfile import NamedTemporaryFile

import pandas as pd
from fastapi import FastAPI, UploadFile

app = FastAPI()
READERS = {"csv": pd.read_csv, "json": pd.read_json, "pkl": pd.read_pickle}


@app.post("/tables")
def add_table(upload: UploadFile):
    suffix = (upload.filename or "").rpartition(".")[2]
    with NamedTemporaryFile(suffix="." + suffix) as file:
        file.write(upload.file.read())
        file.flush()
        frame = READERS[suffix](file.name)
    with shelve.open("tables") as tables:
        tables[str(len(tables))] = list(frame.columns)
    return {"rows": len(frame)}
