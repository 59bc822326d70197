"""What the gateway needs beside the common library, which only some installations have."""

from importlib.util import find_spec

PACKAGES = ("gidgethub", "httpx2", "jwt", "starlette", "uvicorn")
INSTALL = "pip install 'quorate[gateway]'"


def lacking() -> tuple[str, ...]:
    """The packages that are not there."""
    return tuple(name for name in PACKAGES if find_spec(name) is None)
