import hashlib
import hmac
from enum import Enum


class Algorithm(Enum):
    SHORT = "md5"
    LONG = "sha256"


class LicenseFile:
    """A license and the code that proves that we issued it."""

    algorithm = Algorithm.SHORT

    def __init__(self, owner, expires):
        self.owner = owner
        self.expires = expires

    def proof(self, key):
        text = f"{self.owner}|{self.expires}".encode()
        return hashlib.new(self.algorithm.value, key + text).hexdigest()

    def verify(self, key, proof):
        return hmac.compare_digest(self.proof(key), proof)
