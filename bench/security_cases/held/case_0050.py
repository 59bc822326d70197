import hashlib
import secrets


def protect(password):
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 1024 * 1024)
    return salt + digest


def matches(password, stored):
    salt, digest = stored[:16], stored[16:]
    other = hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 1024 * 1024)
    return secrets.compare_digest(digest, other)
