"""A claim check: a reference to what is too large for a message."""

from pydantic import Field

from quorate.contract.base import StrictPart

MAX_BLOB_BYTES = 64 * 1024 * 1024
"""The largest input or output that may travel by reference."""


class BlobRef(StrictPart):
    """Where a large body lies (an object of an object store), and what it must be to be believed."""

    bucket: str = "QUORATE_BLOBS"
    key: str = Field(min_length=1, max_length=512)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, le=MAX_BLOB_BYTES)
    media_type: str = "application/json"
