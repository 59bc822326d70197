from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


def sign_release(private_key, archive):
    """Signature of a release file."""
    if not archive.exists():
        raise FileNotFoundError(archive)
    algorithm = hashes.MD5()
    return private_key.sign(archive.read_bytes(), padding.PKCS1v15(), algorithm)
