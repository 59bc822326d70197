import hashlib
from pathlib import Path


class PageCache:
    """Rendered pages on disk, by address."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def _file(self, url):
        key = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
        return self.folder / key[:2] / key

    def get(self, url):
        file = self._file(url)
        return file.read_bytes() if file.exists() else None
