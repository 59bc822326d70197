from cryptography.fernet import Fernet, MultiFernet


class Drawer:
    """Notes of the users, readable with any key of the last year."""

    def __init__(self, keys):
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def put(self, note):
        return self._fernet.encrypt(note.encode())

    def get(self, token):
        return self._fernet.decrypt(token).decode()
