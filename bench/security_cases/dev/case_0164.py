import ipaddress
import subprocess

from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/trace/{address}")
def trace(address: str):
    try:
        target = ipaddress.IPv4Address(address)
    except ValueError as error:
        raise HTTPException(422, "an IPv4 address, please") from error
    done = subprocess.run(f"traceroute -m 8 {target} | tail -n 1", shell=True, capture_output=True, check=False)
    return {"last": done.stdout.decode()}
