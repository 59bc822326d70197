from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

ENGINES = {"aes": AESGCM, "chacha": ChaCha20Poly1305}


class DES:
    """Delivery estimation service: how long a parcel takes."""

    def new(self, kind, key):
        return ENGINES[kind](key)


def protect_address(address, key, nonce):
    service = DES()
    return service.new("chacha", key).encrypt(nonce, address.encode(), None)
