import subprocess
from pathlib import Path

from fastapi import FastAPI, UploadFile

app = FastAPI()
DROP = Path("drop")


@app.post("/scan")
async def scan(upload: UploadFile):
    """Run the virus scanner over what was sent."""
    content = await upload.read()
    done = subprocess.run(
        ["clamscan", "--no-summary", "-"],
        input=content,
        capture_output=True,
        check=False,
    )
    return {"file": upload.filename, "clean": done.returncode == 0}
