"""Fixtures for every test of the project."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from quorate.embedded import EmbeddedBroker


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Text that was logged may hold half a surrogate pair, which no process can send to another."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of their own, shared by all tests: what mypy knows of the standard library takes seconds to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A real broker of the test's own: free port, empty store, ready, stopped afterwards."""
    with EmbeddedBroker(tmp_path / "broker") as running:
        yield running
