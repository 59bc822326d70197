import hashlib
import json

CONFIG = {"tokens": {"hash": "md5", "length": 24}, "pages": {"hash": "sha256", "length": 12}}


def token_for(session):
    settings = CONFIG["tokens"]
    function = getattr(hashlib, settings["hash"])
    text = json.dumps(session, sort_keys=True)
    return function(text.encode()).hexdigest()[: settings["length"]]
