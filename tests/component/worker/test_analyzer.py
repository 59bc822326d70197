"""What all analyzers have in common: coverage, batches, slots, and the cache."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from quorate.agent_definition import Context
from quorate.contract.finding import Clearance, Finding
from quorate_worker.adapters.analysis import Analysis
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.cache import FILE, AnalysisCache
from quorate_worker.adapters.process import ToolFailed
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.slots import Slots
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import Workspace

ContextOf = Callable[..., Context]


class Tool:
    """A tool that finds every file, and remembers what it was given. It stumbles over what is `broken`."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.before: list[Mapping[str, str]] = []
        self.running = self.most = 0
        self.meet: asyncio.Barrier | None = None

    async def __call__(self, space: Workspace, timeout_s: float) -> Analysis:
        self.given.append(sorted(space.files))
        self.before.append(space.before)
        self.running += 1
        self.most = max(self.most, self.running)
        if self.meet is not None:
            await self.meet.wait()
        self.running -= 1
        if "failing" in space.files.values():
            raise ToolFailed("tool", "fell over")
        broken = {path for path, text in space.files.items() if text == "broken"}
        return Analysis(
            [Finding(path=path, line=1, message=text) for path, text in space.files.items() if path not in broken],
            [Clearance(path=path, line=1, end_line=1, cwe=89, message="harmless") for path in space.files],
            unread=dict.fromkeys(broken, "it is broken"),
        )

    def analyzer(self, **fields: object) -> Analyzer:
        values = {"name": "tool", "description": "finds all", "check": self, "selection": PYTHON} | fields
        return Analyzer(**values)  # type: ignore[arg-type]


PYTHON = Selection.of_languages("python")


@pytest.fixture
def tool() -> Tool:
    return Tool()


@pytest.fixture
def cached(tmp_path: Path) -> Toolbox:
    return Toolbox(cache=AnalysisCache(tmp_path / "cache", 1 << 20))


async def test_a_second_review_of_the_same_content_runs_nothing(
    context_of: ContextOf, tool: Tool, cached: Toolbox
) -> None:
    files = {"a.py": "one", "b.py": "two", "c.py": "three"}
    first = await tool.analyzer().analyze(context_of(files), cached)
    second = await tool.analyzer().analyze(context_of(files), cached)

    assert tool.given == [["a.py", "b.py", "c.py"]]
    assert (second.findings, second.read, second.unread) == (first.findings, first.read, {})
    assert len(second.cleared) == 3
    assert second.cleared == first.cleared


async def test_a_file_that_was_not_read_is_read_again(context_of: ContextOf, tool: Tool, cached: Toolbox) -> None:
    await tool.analyzer().analyze(context_of({"a.py": "one", "c.py": "broken"}), cached)
    await tool.analyzer().analyze(context_of({"a.py": "one", "c.py": "broken"}), cached)

    assert tool.given == [["a.py", "c.py"], ["c.py"]]


async def test_only_what_has_changed_is_read_again(context_of: ContextOf, tool: Tool, cached: Toolbox) -> None:
    await tool.analyzer().analyze(context_of({"a.py": "one", "b.py": "two"}), cached)
    report = await tool.analyzer().analyze(context_of({"a.py": "one", "b.py": "three", "c.py": "one"}), cached)

    assert tool.given[1] == ["b.py", "c.py"]
    assert sorted(finding.message for finding in report.findings) == ["one", "one", "three"]
    assert report.read == ("a.py", "b.py", "c.py")


@pytest.mark.parametrize("other", [{"version": "2"}, {"name": "other"}, {"configuration": "strict"}])
async def test_another_version_or_configuration_reads_all_again(
    context_of: ContextOf, tool: Tool, cached: Toolbox, other: dict[str, str]
) -> None:
    await tool.analyzer().analyze(context_of({"a.py": "one"}), cached)
    await tool.analyzer(**other).analyze(context_of({"a.py": "one"}), cached)

    assert tool.given == [["a.py"], ["a.py"]]


async def test_where_files_depend_on_each_other_one_change_reads_all_again(
    context_of: ContextOf, tool: Tool, cached: Toolbox
) -> None:
    analyzer = tool.analyzer(per_file=False)
    for text in ("one", "one", "other"):
        await analyzer.analyze(context_of({"a.py": text, "b.py": "two"}), cached)

    assert tool.given == [["a.py", "b.py"]] * 2


async def test_where_files_depend_on_each_other_the_tool_sees_what_they_were(tool: Tool, cached: Toolbox) -> None:
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old\n+new\n"
    review = {"diff": diff, "files": {"a.py": "new\n"}}
    context = Context(task="t", kind="code-review", step="review", agent="tool", input=review)
    await tool.analyzer(per_file=False).analyze(context, cached)

    assert tool.before == [{"a.py": "old\n"}]


async def test_a_failure_is_not_remembered(context_of: ContextOf, tool: Tool, cached: Toolbox) -> None:
    for _ in range(2):
        report = await tool.analyzer().analyze(context_of({"a.py": "failing"}), cached)
        assert (report.state, report.unread) == ("failed", {"a.py": "tool failed"})
        assert "tool fell over" in (report.reason or "")

    assert len(tool.given) == 2


async def test_many_files_are_put_before_several_processes_and_none_is_lost(context_of: ContextOf, tool: Tool) -> None:
    files = {f"{number}.py": str(number) for number in range(90)}
    report = await tool.analyzer(batch=40).analyze(context_of(files), Toolbox(Slots(3)))

    assert sorted(len(batch) for batch in tool.given) == [10, 40, 40]
    assert {finding.message for finding in report.findings} == set(files.values())
    assert report.read == tuple(files)


async def test_a_process_is_not_given_more_text_than_it_can_read_in_time(
    context_of: ContextOf, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate_worker.adapters.analyzer.BATCH_CHARS", 10)
    files = {f"{number}.py": "x" * 4 for number in range(5)} | {"huge.py": "y" * 100}
    await tool.analyzer().analyze(context_of(files), Toolbox(Slots(1)))

    assert sorted(tool.given) == [["0.py", "1.py"], ["2.py", "3.py"], ["4.py"], ["huge.py"]]


async def test_no_more_tools_run_than_there_are_slots(context_of: ContextOf, tool: Tool) -> None:
    toolbox = Toolbox(Slots(2))
    tool.meet = asyncio.Barrier(2)
    async with asyncio.TaskGroup() as group:
        for name in "abcdef":
            group.create_task(tool.analyzer(name=name).analyze(context_of({"a.py": name}), toolbox))

    assert (len(tool.given), tool.most) == (6, 2)


async def test_what_other_batches_found_is_told_and_kept_when_one_fails(
    context_of: ContextOf, tool: Tool, cached: Toolbox
) -> None:
    files = {f"{number}.py": "failing" if number == 7 else "x" for number in range(40)}
    report = await tool.analyzer(batch=10).analyze(context_of(files), cached)
    await tool.analyzer(batch=10).analyze(context_of(files), cached)

    assert report.state == "failed"
    assert "tool fell over" in (report.reason or "")
    assert (len(report.findings), len(report.read)) == (30, 30)
    assert set(report.unread.values()) == {"tool failed"}
    assert sum(map(len, tool.given)) == 50


async def test_a_defect_of_an_adapter_is_its_failure_and_nobody_elses(
    context_of: ContextOf, tool: Tool, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(space: Workspace, timeout_s: float) -> Analysis:
        raise KeyError("x")

    report = await tool.analyzer(check=broken).analyze(context_of({"a.py": "one"}), Toolbox())

    assert (report.state, report.unread) == ("failed", {"a.py": "tool failed"})
    assert "tool could not be understood (KeyError: 'x')" in (report.reason or "")
    assert "defect in the adapter" in caplog.text


async def test_a_damaged_entry_of_the_cache_is_none(context_of: ContextOf, tool: Tool, tmp_path: Path) -> None:
    toolbox = Toolbox(cache=AnalysisCache(tmp_path, 1 << 20))
    await tool.analyzer().analyze(context_of({"a.py": "one"}), toolbox)
    with sqlite3.connect(tmp_path / FILE) as damaged:
        damaged.execute("UPDATE analyses SET value = x'7b'")
    damaged.close()

    report = await tool.analyzer().analyze(context_of({"a.py": "one"}), toolbox)

    assert (report.state, len(report.findings), len(tool.given)) == ("ok", 1, 2)


async def test_a_binary_file_is_not_its_business_and_one_without_content_is_unread(tool: Tool) -> None:
    diff = (
        "diff --git a/a.py b/a.py\nBinary files a/a.py and b/a.py differ\n"
        "--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-old\n+new\n"
    )
    context = Context(task="t", kind="code-review", step="review", agent="tool", input={"diff": diff})
    report = await tool.analyzer().analyze(context, Toolbox())

    assert (report.state, report.reason) == ("skipped", "none of its Python files came with content")
    assert list(report.unread) == ["b.py"]
