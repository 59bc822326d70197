import hashlib


class Accounts:
    """Accounts of a small forum."""

    def __init__(self, store):
        self.store = store

    def register(self, name, password):
        self.store[name] = hashlib.md5(password.encode()).hexdigest()

    def check(self, name, password):
        return self.store.get(name) == hashlib.md5(password.encode()).hexdigest()
