"""The claim check: what is too large for a message lies in the object store under the hash of its content."""

import asyncio
import io
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from nats.errors import Error as NatsError
from nats.js.api import ObjectMeta
from nats.js.errors import BadObjectMetaError, DigestMismatchError, ObjectNotFoundError
from nats.js.errors import Error as JetStreamError
from pydantic_core import from_json

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.blob import MAX_BLOB_BYTES, BlobRef
from quorate.contract.ids import digest
from quorate.errors import Rejected, Unavailable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CACHED_BYTES = 128 * 1024 * 1024
READ_TIMEOUT_S = 60.0


class BlobTooLarge(Rejected):
    """What is to be stored is larger than 64 MiB: split it, or leave parts of it out."""


class BadReference(Rejected):
    """A reference names something that is not there, or not what it says it is."""


class Blobs:
    """The object store of a connection, with the last few objects kept in memory for the next reader."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._recent_bytes = 0
        self._reading: dict[str, asyncio.Lock] = {}

    async def put(self, body: bytes, media_type: str = "application/json") -> BlobRef:
        """Store, and return what to send instead. Raises BlobTooLarge or Unavailable."""
        if len(body) > MAX_BLOB_BYTES:
            raise BlobTooLarge(f"{len(body):,} bytes are more than the {MAX_BLOB_BYTES:,} that may go by reference")
        sha256 = await asyncio.to_thread(digest, body)
        ref = BlobRef(bucket=subjects.BLOBS, key=sha256, sha256=sha256, size=len(body), media_type=media_type)
        try:
            store = await self._bus.client.jetstream().object_store(subjects.BLOBS)
            try:
                if (await store.get_info(sha256)).size == len(body):
                    return ref
            except ObjectNotFoundError:
                pass
            await store.put(sha256, body, meta=ObjectMeta(name=sha256, headers={"Content-Type": media_type}))
        except (TimeoutError, NatsError, JetStreamError) as error:
            raise Unavailable(f"the object store did not take {len(body):,} bytes: {error}") from error
        return ref

    async def get(self, ref: BlobRef) -> bytes:
        """Fetch and verify. Raises BadReference or Unavailable."""
        if ref.sha256 in self._recent:
            self._recent.move_to_end(ref.sha256)
            return self._recent[ref.sha256]
        # Several agents ask for the same input at the same time: one fetches it.
        lock = self._reading.setdefault(ref.sha256, asyncio.Lock())
        async with lock:
            try:
                if ref.sha256 not in self._recent:
                    self._keep(ref.sha256, await self._fetch(ref))
                return self._recent[ref.sha256]
            finally:
                self._reading.pop(ref.sha256, None)

    async def get_json(self, ref: BlobRef) -> Any:
        """Fetch and decode JSON. Raises BadReference or Unavailable."""
        body = await self.get(ref)
        try:
            return await asyncio.to_thread(from_json, body)
        except ValueError as error:
            raise BadReference(f"the object {ref.key[:80]} is not JSON: {error}") from error

    async def _fetch(self, ref: BlobRef) -> bytes:
        if ref.bucket != subjects.BLOBS:
            raise BadReference(f"input lies in the bucket {subjects.BLOBS}, not in {ref.bucket[:80]!r}")
        buffer = _Bounded(ref.size)
        limit, generation = asyncio.timeout(READ_TIMEOUT_S), self._bus.generation
        try:
            store = await self._bus.client.jetstream().object_store(subjects.BLOBS)
            info = await store.get_info(ref.key)
            if info.options is not None and info.options.link is not None:
                raise BadReference(f"the object {ref.key[:80]} is a link: refer to the object itself")
            if info.size != ref.size:
                raise BadReference(f"the object {ref.key[:80]} has {info.size} bytes, and {ref.size} were announced")
            # Into a buffer: nats-py joins chunks one by one otherwise, at a third of the speed.
            async with limit:
                await store.get(ref.key, writeinto=buffer)
        except TimeoutError as error:
            if not limit.expired() or generation != self._bus.generation:
                raise Unavailable(f"the object {ref.key[:80]} could not be read: the broker does not answer") from error
            # A missing chunk is waited for without end, so this is no sign of a slow broker.
            raise BadReference(f"the object {ref.key[:80]} is not whole: upload it again") from error
        except (DigestMismatchError, BadObjectMetaError, _TooMuch) as error:
            raise BadReference(f"the object {ref.key[:80]} is damaged: {error!r}") from error
        except ObjectNotFoundError as error:
            raise BadReference(f"there is no object {ref.key[:80]} in {subjects.BLOBS}; upload it first") from error
        except (NatsError, JetStreamError) as error:
            raise Unavailable(f"the object {ref.key[:80]} could not be read: {error}") from error
        body = buffer.getvalue()
        if await asyncio.to_thread(digest, body) != ref.sha256:
            raise BadReference(f"the object {ref.key[:80]} has another content than its sha256 says")
        return body

    def _keep(self, key: str, body: bytes) -> None:
        self._recent[key] = body
        self._recent_bytes += len(body)
        while self._recent_bytes > CACHED_BYTES and len(self._recent) > 1:
            self._recent_bytes -= len(self._recent.popitem(last=False)[1])


class _TooMuch(Exception):
    """The chunks hold more than was announced."""


class _Bounded(io.BytesIO):
    """A buffer that takes no more than it was made for."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def write(self, data: "ReadableBuffer", /) -> int:
        if self.tell() + len(memoryview(data)) > self._size:
            raise _TooMuch(f"it holds more than {self._size:,} bytes")
        return super().write(data)
