import subprocess

from flask import Flask, request

app = Flask(__name__)


@app.post("/commit")
def commit():
    message = request.form.get("message") or "update"
    author = "Wiki <wiki@example.org>"
    args = ["git", "commit", "--all", f"--author={author}", f"--message={message}"]
    done = subprocess.run(args, cwd="pages", capture_output=True, text=True, check=False)
    return {"ok": done.returncode == 0, "output": done.stdout}
