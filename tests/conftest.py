"""Fixtures for every test of the project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.embedded import EmbeddedBroker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A real broker of the test's own: free port, empty store, ready, stopped afterwards."""
    with EmbeddedBroker(tmp_path / "broker") as running:
        yield running
