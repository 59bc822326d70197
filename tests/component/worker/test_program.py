"""Finding outside tools and their versions."""

from importlib import metadata
from pathlib import Path

import pytest

from quorate_worker.adapters.process import PYTHON, ToolError
from quorate_worker.adapters.program import SEARCHED, Program


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return path


async def test_a_module_is_run_by_this_python_and_its_package_tells_the_version() -> None:
    located = await Program(command="bandit", distribution="bandit", module="bandit", install="x").locate()

    assert located is not None
    assert located.argv == (*PYTHON, "-m", "bandit")
    assert located.version == metadata.version("bandit")


async def test_a_program_that_a_package_brought_is_not_run_for_its_version() -> None:
    located = await Program(command="ruff", distribution="ruff", install="x").locate()

    assert located is not None
    assert located.version == metadata.version("ruff")


async def test_any_other_program_is_asked_once_until_it_changes(tmp_path: Path) -> None:
    tool = script(tmp_path / "tool", f"echo x >> {tmp_path / 'asked'}; echo 'The Tool, version 1.2.3-beta'")
    program = Program(command="tool", install="x")

    versions = [located.version for _ in range(3) if (located := await program.locate(str(tool)))]
    script(tool, "echo 'version 1.3.0 of it'")
    later = await program.locate(str(tool))

    assert versions == ["1.2.3-beta"] * 3
    assert (tmp_path / "asked").read_text() == "x\n"
    assert later is not None
    assert later.version == "1.3.0"


@pytest.mark.parametrize("body", ["exit 3", "echo nothing of it", "kill -9 $$"])
async def test_one_that_does_not_tell_its_version_is_an_error(tmp_path: Path, body: str) -> None:
    tool = script(tmp_path / "tool", body)

    with pytest.raises(ToolError, match="tool does not tell its version: run"):
        await Program(command="tool", install="x").locate(str(tool))


@pytest.mark.parametrize("body", ["exit 3", "echo nothing of it"])
async def test_where_it_need_not_tell_it_the_time_of_its_file_is_its_version(tmp_path: Path, body: str) -> None:
    tool = script(tmp_path / "tool", body)

    located = await Program(command="tool", install="x", tells_version=False).locate(str(tool))

    assert located is not None
    assert located.version == f"of {tool.stat().st_mtime_ns}"


async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    program = Program(command="no-such-program", install="x")

    assert await program.locate() is None
    assert await program.locate(str(tmp_path / "gone")) is None
    assert (
        await Program(command="bandit", distribution="no-such-package", module="bandit", install="x").locate() is None
    )


async def test_the_users_path_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "own-tool", "echo 1.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)

    assert await Program(command="own-tool", install="x").locate() is None
    assert str(Path.home() / ".local" / "bin") in SEARCHED
