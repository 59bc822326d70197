import random as rnd

from Crypto.Cipher import AES


def new_key():
    return bytes(rnd.randrange(256) for _ in range(32))


def seal(message):
    key = new_key()
    cipher = AES.new(key, AES.MODE_GCM)
    sealed, tag = cipher.encrypt_and_digest(message)
    return key, cipher.nonce + tag + sealed
