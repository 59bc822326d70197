import os
from dataclasses import dataclass

from Crypto.Cipher import AES, DES3
from Crypto.Util.Padding import pad


@dataclass(frozen=True)
class Suite:
    module: object
    mode: int
    block: int


SUITES = [Suite(AES, AES.MODE_GCM, 16), Suite(DES3, DES3.MODE_CBC, 8)]


def seal_statement(text, key):
    suite = SUITES[1]
    iv = os.urandom(suite.block)
    cipher = suite.module.new(key, suite.mode, iv)
    return iv + cipher.encrypt(pad(text.encode(), suite.block))
