import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def seal(record, key, owner):
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, record, owner.encode())


def unseal(blob, key, owner):
    return AESGCM(key).decrypt(blob[:12], blob[12:], owner.encode())
