import json
import subprocess


def handle_message(body):
    """Called for each message that other companies put on our queue."""
    job = json.loads(body)
    match job:
        case {"action": "fetch", "remote": str(remote)}:
            command = "rsync -a partner::" + remote + " incoming/"
        case {"action": "purge"}:
            command = "rm -rf incoming"
        case _:
            return
    subprocess.Popen(command, shell=True).wait(timeout=600)


def consume(channel):
    for _method, _properties, body in channel.consume("partner-jobs"):
        handle_message(body)
