import os

from cryptography.hazmat.decrepit.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers import Cipher, modes

CIPHERS = {"old": algorithms.Blowfish, "older": algorithms.TripleDES}


def encrypt_message(text, key, kind="old"):
    iv = os.urandom(8)
    engine = Cipher(CIPHERS[kind](key), modes.CFB(iv)).encryptor()
    return iv + engine.update(text.encode()) + engine.finalize()
