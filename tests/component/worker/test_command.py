"""The declarative adapter: commands of every kind, and what is made of what they write."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from quorate.agent_definition import Context
from quorate.contract.finding import Finding, Severity
from quorate.contract.fix import Edit, Fix
from quorate.settings import ToolSettings
from quorate_worker.adapters.analysis import Analysis
from quorate_worker.adapters.cache import AnalysisCache
from quorate_worker.adapters.command import FILES, MAX_ARGUMENTS, Command, reviewed_path
from quorate_worker.adapters.configured import configured_analyzer
from quorate_worker.adapters.lines import lines_parser
from quorate_worker.adapters.process import ToolFailed, ToolOutput
from quorate_worker.adapters.rules import Rule
from quorate_worker.adapters.sarif import sarif_parser
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.workspace import Workspace, workspace

ContextOf = Callable[..., Context]
RULES = {"": Rule("other", "medium", 0.8), "SQL": Rule("security", "high", 0.9, 89)}
LEVELS: Mapping[str, Severity] = {"error": "high", "warning": "medium", "note": "low"}
ECHO = 'for each in "$@"; do echo "$each"; done'


def output(text: str) -> ToolOutput:
    return ToolOutput(text.encode(), b"", 0, 1)


async def echoed(files: Mapping[str, str], *arguments: str, **more: Any) -> tuple[list[list[str]], Workspace]:
    """The command lines that the tool was started with."""
    seen: list[list[str]] = []

    def parse(output: ToolOutput, _: Workspace) -> Analysis:
        seen.append(output.stdout.decode().split("\n")[:-1])
        return Analysis()

    async with workspace(files, program=("/bin/sh", "-c", ECHO, "sh")) as space:
        await Command(name="echo", arguments=arguments, parse=parse, **more)(space, 30)
        return seen, space


async def test_paths_follow_the_arguments_and_cannot_be_taken_for_options() -> None:
    seen, _ = await echoed({"-rf.py": "", "a b.py": ""}, "--json", FILES, "--end")

    assert seen == [["--json", "./-rf.py", "./a b.py", "--end"]]


async def test_so_many_paths_that_they_do_not_fit_are_given_in_portions() -> None:
    files = {f"{'x' * 200}/{number}.py": "" for number in range(1_500)}

    seen, _ = await echoed(files, FILES)

    assert len(seen) > 2
    assert [path for some in seen for path in some] == [f"./{path}" for path in files]
    assert all(sum(map(len, some)) < MAX_ARGUMENTS for some in seen)


async def test_configuration_lies_beside_the_reviewed_files_and_not_among_them() -> None:
    seen, space = await echoed({"a.py": ""}, "--config={home}/own.toml", configuration={"own.toml": "x = 1"})

    assert seen == [[f"--config={space.home}/own.toml"]]
    assert not space.home.is_relative_to(space.tree)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo wrong >&2; exit 2", "tool ended with code 2; it said: wrong"),
        ("echo '{'", "tool wrote something that is not its usual output"),
        ("echo '[]'", "tool wrote something that is not its usual output"),
        ("echo '{\"runs\": 7}'", "tool wrote something that is not its usual output"),
    ],
)
async def test_a_tool_that_does_not_do_its_work_is_an_error(script: str, reason: str) -> None:
    command = Command(name="tool", arguments=(), parse=sarif_parser(RULES))
    async with workspace({"a.py": ""}, program=("/bin/sh", "-c", script)) as space:
        with pytest.raises(ToolFailed, match=re.escape(reason)):
            await command(space, 30)


async def test_a_path_is_known_by_all_its_names() -> None:
    async with workspace({"a b/ü.py": "", "c.py": "", "d%20e.py": ""}) as space:
        tree = space.tree
        names = ["a b/ü.py", "./a b/ü.py", f"{tree}/a b/ü.py", "a%20b/%C3%BC.py", (tree / "a b/ü.py").as_uri()]
        assert {reviewed_path(name, space) for name in names} == {"a b/ü.py"}
        assert reviewed_path("d%20e.py", space) == "d%20e.py"
        assert [reviewed_path(name, space) for name in ("../c.py", "/c.py", "x.py", "file:///etc/passwd", "")] == [
            None
        ] * 5


async def test_lines_of_text_become_findings() -> None:
    pattern = re.compile(
        r"(?P<path>[^:]+):(?P<line>\d+):(?:\d+:)? (?P<severity>\w+) (?:(?P<rule>[A-Z]+\d*) )?(?P<message>.+)"
    )
    parse = lines_parser(pattern, RULES, {"error": "critical"})
    text = (
        "a.py:3:1: ERROR SQL1 injected\r\nnoise\nother.py:1: warning x\n./a.py:9: warning  careful \na.py:0: note low\n"
    )
    async with workspace({"a.py": "x\n" * 9}) as space:
        done = parse(output(text), space)

    assert done.findings == [
        Finding(
            path="a.py",
            line=3,
            end_line=3,
            severity="critical",
            category="security",
            message="injected",
            rule="SQL1",
            confidence=0.9,
            cwe=89,
        ),
        Finding(path="a.py", line=9, end_line=9, severity="medium", message="careful", confidence=0.8),
        Finding(path="a.py", line=1, end_line=1, severity="medium", message="low", confidence=0.8),
    ]


def log_of(*results: dict[str, Any], rules: list[dict[str, Any]] | None = None) -> ToolOutput:
    driver = {"name": "tool", "rules": rules or []}
    return output(json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results)}]}))


def result(uri: str = "a.py", region: dict[str, int] | None = None, **fields: Any) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": uri}} | ({"region": region} if region else {})
    return {"ruleId": "R1", "message": {"text": "m"}, "locations": [{"physicalLocation": place}]} | fields


async def test_results_of_sarif_become_findings() -> None:
    described = [
        {"id": "R1", "properties": {"tags": ["external/cwe/cwe-078"]}, "defaultConfiguration": {"level": "note"}}
    ]
    given = log_of(
        result(region={"startLine": 2, "endLine": 4, "endColumn": 1}),
        result(level="error", ruleId="SQL7", region={"startLine": 5}),
        result(),
        result("elsewhere.py"),
        result(suppressions=[{"kind": "inSource"}]),
        result(kind="pass"),
        result(locations=[]),
        result(locations=[{"logicalLocations": [{"name": "f"}]}]),
        result(ruleId=None, ruleIndex=0, region={"startLine": 7}),
        rules=described,
    )
    async with workspace({"a.py": "x\n" * 9}) as space:
        done = sarif_parser(RULES, LEVELS)(given, space)

    assert [(f.line, f.end_line, f.rule, f.severity, f.category, f.cwe) for f in done.findings] == [
        (2, 3, "R1", "low", "other", 78),
        (5, 5, "SQL7", "high", "security", 89),
        (None, None, "R1", "low", "other", 78),
        (7, 7, "R1", "low", "other", 78),
    ]


async def test_a_fix_of_sarif_is_told_and_never_applied_unseen() -> None:
    def replacing(uri: str) -> dict[str, Any]:
        replacement = {"deletedRegion": {"startLine": 2}, "insertedContent": {"text": "fixed"}}
        return {"artifactChanges": [{"artifactLocation": {"uri": uri}, "replacements": [replacement]}]}

    given = log_of(
        result(region={"startLine": 2}, fixes=[replacing("b.py"), replacing("a.py")]),
        result(region={"startLine": 3}, fixes=[replacing("b.py")]),
    )
    async with workspace({"a.py": "one\nbroken\nthree\n", "b.py": "x\n"}) as space:
        done = sarif_parser(RULES)(given, space)

    fix = Fix(edits=(Edit(line=2, end_line=2, text="fixed\n"),), safe=False)
    assert [finding.fix for finding in done.findings] == [fix, None]


def invoked(**fields: Any) -> ToolOutput:
    run = {
        "tool": {"driver": {"name": "tool"}},
        "results": [],
        "invocations": [{"executionSuccessful": False} | fields],
    }
    return output(json.dumps({"version": "2.1.0", "runs": [run]}))


def complaint(text: str, *uris: str, level: str = "error") -> dict[str, Any]:
    places = [{"physicalLocation": {"artifactLocation": {"uri": uri}}} for uri in uris]
    return {"level": level, "message": {"text": text}, "locations": places}


@pytest.mark.parametrize(
    "given",
    [
        invoked(),
        invoked(executionSuccessful=True, toolExecutionNotifications=[complaint("out of memory")]),
        invoked(toolExecutionNotifications=[complaint("cannot parse", "elsewhere.py")]),
    ],
)
async def test_a_tool_that_says_that_it_failed_is_believed(given: ToolOutput) -> None:
    async with workspace({"a.py": ""}) as space:
        with pytest.raises(ValueError, match=r"successful|out of memory|cannot parse"):
            sarif_parser(RULES)(given, space)


async def test_a_file_that_it_stumbled_over_is_unread() -> None:
    noted = [complaint("cannot parse it", "a.py"), complaint("odd", "b.py", level="warning")]
    async with workspace({"a.py": "", "b.py": ""}) as space:
        done = sarif_parser(RULES)(invoked(toolExecutionNotifications=noted), space)

    assert done.unread == {"a.py": "cannot parse it"}


async def test_a_tool_that_crashes_with_the_code_of_findings_has_not_done_its_work() -> None:
    parse = lines_parser(re.compile(r"(?P<path>[^:]+):(?P<message>.+)"), RULES)
    async with workspace({"a.py": ""}) as space:
        with pytest.raises(ValueError, match="exit code 1, and no line is as expected"):
            parse(ToolOutput(b"", b"ModuleNotFoundError", 1, 1), space)
        with pytest.raises(ValueError, match="none of its 1 findings is in a file of the change"):
            parse(output("elsewhere.py:found"), space)
        assert parse(output("all is well"), space) == Analysis()


@pytest.fixture
def grep() -> ToolSettings:
    return ToolSettings(
        command=("/bin/grep", "-nH", "FORBIDDEN", FILES),
        files=("*.txt",),
        pattern=r"(?P<path>[^:]+):(?P<line>\d+):(?P<message>.*)",
        category="workflow",
        severity="high",
    )


async def test_a_tool_from_the_settings_is_an_agent(context_of: ContextOf, grep: ToolSettings) -> None:
    context = context_of({"a.txt": "fine\nFORBIDDEN word\n", "b.txt": "fine\n", "c.py": "FORBIDDEN\n"})

    report = await configured_analyzer("forbidden", grep).analyze(context, Toolbox())

    assert (report.state, report.read) == ("ok", ("a.txt", "b.txt"))
    assert [(f.path, f.line, f.severity, f.category, f.message) for f in report.findings] == [
        ("a.txt", 2, "high", "workflow", "FORBIDDEN word")
    ]


async def test_one_whose_program_is_not_there_is_missing(context_of: ContextOf, grep: ToolSettings) -> None:
    gone = grep.model_copy(update={"command": ("no-such-tool", FILES), "install": "apt install it"})

    report = await configured_analyzer("forbidden", gone).analyze(context_of({"a.txt": "x\n"}), Toolbox())

    assert (report.state, report.reason) == ("missing", "no-such-tool is not installed: apt install it")


async def test_the_reviewed_code_does_not_configure_it(context_of: ContextOf, grep: ToolSettings) -> None:
    everything = grep.model_copy(update={"files": ("*",)})
    names = ["a.txt", "mypy.ini", ".eslintrc", "eslint.config.js", "pyproject.toml", "conftest.py", "setup.cfg"]
    context = context_of(dict.fromkeys(names, "FORBIDDEN\n"))

    wary = await configured_analyzer("forbidden", everything).analyze(context, Toolbox())
    asked = everything.model_copy(update={"files": ("*", "mypy.ini")})
    told = await configured_analyzer("forbidden", asked).analyze(context, Toolbox())

    assert wary.read == ("a.txt",)
    assert told.read == ("a.txt", "mypy.ini")


async def test_editing_the_script_that_it_runs_reads_all_again(context_of: ContextOf, tmp_path: Path) -> None:
    script = tmp_path / "check.sh"
    tool = ToolSettings(
        command=("sh", str(script), FILES), files=("*.txt",), pattern=r"(?P<path>[^:]+):(?P<message>.*)"
    )
    toolbox = Toolbox(cache=AnalysisCache(tmp_path / "cache", 1 << 20))
    said = []
    for word in ("one", "one", "another"):
        script.write_text(f"echo a.txt:{word}\n")
        report = await configured_analyzer("mine", tool).analyze(context_of({"a.txt": "x\n"}), toolbox)
        said += [finding.message for finding in report.findings]

    assert said == ["one", "one", "another"]


def test_a_tool_that_reads_the_folder_is_not_taken_file_by_file(grep: ToolSettings) -> None:
    folder = grep.model_copy(update={"command": ("trivy", "config", ".")})

    assert configured_analyzer("a", grep).per_file
    assert not configured_analyzer("b", folder).per_file


async def test_an_analyzer_is_found_where_the_operator_says(context_of: ContextOf, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\n[ "$1" = --version ] && echo tool 4.5.6 || echo a.txt:1:found\n')
    tool.chmod(0o700)
    settings = ToolSettings(command=("tool",), files=("*",), pattern=r"(?P<path>[^:]+):(?P<line>\d+):(?P<message>.*)")

    report = await configured_analyzer("mine", settings).analyze(
        context_of({"a.txt": "x\n"}), Toolbox(commands={"mine": str(tool)})
    )

    assert (report.state, report.version, [f.message for f in report.findings]) == ("ok", "4.5.6", ["found"])
