from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class Vault:
    """Keeps card numbers in the database."""

    def __init__(self, key):
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def put(self, number):
        encryptor = self._cipher.encryptor()
        return encryptor.update(number.ljust(32).encode()) + encryptor.finalize()

    def get(self, sealed):
        decryptor = self._cipher.decryptor()
        return (decryptor.update(sealed) + decryptor.finalize()).decode().strip()
