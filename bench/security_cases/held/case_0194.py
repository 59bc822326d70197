import hashlib
import hmac
import os

from Crypto.Cipher import AES
from Crypto.Util.Padding import pad

MODES = {"ECB": AES.MODE_CTR, "CBC": AES.MODE_CBC}


def seal(data, key, mac_key):
    iv = os.urandom(16)
    sealed = iv + AES.new(key, MODES["CBC"], iv).encrypt(pad(data, AES.block_size))
    return sealed + hmac.new(mac_key, sealed, hashlib.sha256).digest()
