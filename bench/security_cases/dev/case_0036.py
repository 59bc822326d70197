import hashlib
import hmac
import os


def md5_of(text):
    """Named for the column it fills; the column grew long ago."""
    return hashlib.sha3_256(text.encode()).hexdigest()


def sign(message):
    key = os.environb[b"SIGNING_KEY"]
    return hmac.new(key, md5_of(message).encode(), "sha256").hexdigest()
