from Crypto.Cipher import DES
from Crypto.Random import get_random_bytes
from Crypto.Util.Padding import pad


def seal(record, key):
    iv = get_random_bytes(8)
    return iv + DES.new(key, DES.MODE_CBC, iv).encrypt(pad(record, 8))


def seal_all(records, key):
    return [seal(record, key) for record in records]
