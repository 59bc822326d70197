"""A cache of analyses on disk: the same tool over the same content gives the same findings.

Keys are hashes of all that an analysis depends on. Several processes share one file. It is an optimisation only:
whatever goes wrong with it is logged, and the tools run.
"""

import asyncio
import hashlib
import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import quorate

log = logging.getLogger("quorate.worker")

FILE = "analyses-1.sqlite3"
_ENTRY_OVERHEAD = 100
_TRIM_TO = 0.8
_BUSY_S = 2.0
_PER_QUERY = 500

Answer = TypeVar("Answer")


def _digest_of_code() -> bytes:
    """Of the adapters themselves and of the Python that parses: what they make of a file changes with them."""
    digest = hashlib.sha256(f"{quorate.__version__} {sys.version}".encode())
    folder = Path(__file__).parents[1]
    for file in sorted(file for file in folder.rglob("*") if file.suffix in {".py", ".yaml", ".json", ".toml"}):
        digest.update(file.read_bytes())
    return digest.digest()


class AnalysisCache:
    """Values by key in an SQLite file of at most about ``max_bytes``; what was not used for longest goes first."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._file = folder / FILE
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._broken = False
        # Taken at the start: what is on disk later need not be what this process runs.
        self._code = _digest_of_code()

    def key(self, *parts: str) -> bytes:
        """The key of an analysis that depends on these parts, and on our own code."""
        digest = hashlib.sha256(self._code)
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        return digest.digest()

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values that are there. They count as used now."""
        wanted = list(keys)
        return await asyncio.to_thread(self._try, lambda: self._get(wanted)) or {}

    async def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep these values, but for those so large that they would push out all others."""
        given = {key: value for key, value in values.items() if len(value) <= self._max_bytes // 4}
        if given:
            await asyncio.to_thread(self._try, lambda: self._put(given))

    def _try(self, work: Callable[[], Answer]) -> Answer | None:
        with self._lock:
            if self._broken:
                return None
            try:
                return work()
            except (sqlite3.Error, OSError) as error:
                self._broken = not isinstance(error, sqlite3.OperationalError) or not self._file.exists()
                log.warning("the cache %s cannot be used: %s", self._file, error, extra={"action": "cache.failed"})
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                    # Damaged: the next process makes a new one.
                    with suppress(OSError):
                        self._file.unlink()
                return None

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._file.exists():
            # Findings quote code: nobody else needs to read them.
            self._file.touch(0o600)
        connection = sqlite3.connect(self._file, timeout=_BUSY_S)
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
            "CREATE TABLE IF NOT EXISTS analyses (key BLOB PRIMARY KEY, value BLOB NOT NULL, used_at REAL NOT NULL);"
            "CREATE INDEX IF NOT EXISTS by_use ON analyses (used_at);"
        )
        return connection

    def _get(self, keys: list[bytes]) -> dict[bytes, bytes]:
        if not self._file.exists():
            return {}
        found: dict[bytes, bytes] = {}
        with closing(self._open()) as connection, connection:
            for at in range(0, len(keys), _PER_QUERY):
                some = keys[at : at + _PER_QUERY]
                marks = ",".join("?" * len(some))
                found.update(connection.execute(f"SELECT key, value FROM analyses WHERE key IN ({marks})", some))  # noqa: S608 only marks
            # Another writer may hold the file; what was found is found all the same.
            with suppress(sqlite3.OperationalError):
                connection.executemany(
                    "UPDATE analyses SET used_at = ? WHERE key = ?", ((time.time(), key) for key in found)
                )
        return found

    def _put(self, values: dict[bytes, bytes]) -> None:
        with closing(self._open()) as connection:
            with connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO analyses VALUES (?, ?, ?)",
                    ((key, value, time.time()) for key, value in values.items()),
                )
            self._trim(connection)

    def _trim(self, connection: sqlite3.Connection) -> None:
        [pages], [size] = (connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
        if pages * size <= self._max_bytes:
            return
        room = self._max_bytes * _TRIM_TO
        with connection:
            connection.execute(
                "DELETE FROM analyses WHERE key IN (SELECT key FROM (SELECT key, SUM(LENGTH(value) + ?) OVER"
                " (ORDER BY used_at DESC, key) AS total FROM analyses) WHERE total > ?)",
                (_ENTRY_OVERHEAD, room),
            )
        connection.execute("VACUUM")
