"""The agent `hadolint`, with the real tool."""

import time
from collections.abc import Callable

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_worker.adapters.hadolint import HADOLINT
from quorate_worker.adapters.instructions import Instructions
from quorate_worker.adapters.toolbox import Toolbox

ContextOf = Callable[..., Context]


async def run(context: Context) -> Contribution:
    report = await HADOLINT.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, int | None, str]]:
    return sorted((item.path, item.line, item.end_line, item.rule) for item in report.findings)


async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    code = "FROM debian:13\nRUN apt-get update && \\\n    # why\n    sudo ls $HOME/x\nUSER root\n"

    report = await run(context_of({"Dockerfile": code, "notes.txt": "FROM x\n"}))

    assert report.state == "ok", report.reason
    assert report.read == ("Dockerfile",)
    assert rules(report) == [
        ("Dockerfile", 2, 4, "DL3004"),
        ("Dockerfile", 2, 4, "SC2086"),
        ("Dockerfile", 5, 5, "DL3002"),
    ]
    assert next(item for item in report.findings if item.rule == "DL3002") == Finding(
        path="Dockerfile",
        line=5,
        end_line=5,
        severity="medium",
        category="security",
        message="Last USER should not be root",
        rule="DL3002",
        confidence=0.7,
        cwe=250,
    )


async def test_every_kind_of_name_is_selected(context_of: ContextOf) -> None:
    paths = ["Dockerfile", "a/Dockerfile.dev", "web.dockerfile", "Containerfile", "Containerfile.x", "-D.Dockerfile"]

    others = ["Dockerfiles", "docker.py", "Dockerfile.dockerignore", "web.Dockerfile.dockerignore"]
    report = await run(context_of(dict.fromkeys([*paths, *others], "FROM debian\n")))

    assert not report.unread
    assert sorted(report.read) == sorted(paths)
    assert {path for path, *_ in rules(report)} == set(paths)


async def test_what_directs_the_tool_makes_findings_notes_and_hides_none(context_of: ContextOf) -> None:
    files = {
        ".hadolint.yaml": "ignored: [DL3004, DL3006]\ntrustedRegistries: [x]\n",
        ".hadolint.yml": "ignored: [DL3004, DL3006]\n",
        "a.dockerfile": "FROM debian:1\n# hadolint ignore=DL3004\nRUN sudo ls\nRUN sudo true\n",
        "b.dockerfile": "# hadolint global ignore=DL3004,SC2086\nFROM debian:1\nRUN sudo ls $X\n",
        "c.dockerfile": "# hadolint shell=powershell\nFROM debian:1\nRUN rm $X\n",
        "d.dockerfile": "FROM debian:1\nRUN <<EOF\n# shellcheck disable=SC2086\nrm $X\nEOF\n",
        "e.dockerfile": "FROM debian:1\n# hadolint ignore=DL3004 # hadolint ignore=SC2086\nRUN sudo rm $X\n",
    }

    report = await run(context_of(files))

    assert sorted((item.path[0], item.rule, item.severity) for item in report.findings) == [
        ("a", "DL3004", "info"),
        ("a", "DL3004", "medium"),
        ("b", "DL3004", "info"),
        ("b", "SC2086", "info"),
        ("c", "SC2086", "info"),
        ("d", "SC2086", "info"),
        ("e", "DL3004", "info"),
        ("e", "SC2086", "low"),  # the tool obeys the first one of a comment
    ]
    assert all(("dismissed" in item.message) == (item.severity == "info") for item in report.findings)


async def test_a_syntax_error_is_a_finding_and_the_file_is_unread(context_of: ContextOf) -> None:
    report = await run(context_of({"bad.dockerfile": "FROM a:1\nFOO bar\n", "good.dockerfile": "FROM a:1\n"}))

    assert report.read == ("good.dockerfile",)
    assert report.unread["bad.dockerfile"].startswith("syntax error in line 2: unexpected 'F'")
    assert [(item.line, item.rule, item.severity) for item in report.findings] == [(2, "DL1000", "high")]


async def test_a_template_is_unread_and_no_finding(context_of: ContextOf) -> None:
    files = {
        "Dockerfile.j2": "{% if x %}\nFROM a:1\n{% endif %}\n",
        "Dockerfile.tmpl": "FROM {{ .base }}\n{{ .more }}\n",
        "a.dockerfile": "FROM a:1\nRUN sudo docker inspect --format '{{ .Id }}' x\n",
    }

    report = await run(context_of(files))

    assert report.read == ("a.dockerfile",)
    assert rules(report) == [("a.dockerfile", 2, 2, "DL3004")]
    assert {path: why[:23] for path, why in report.unread.items()} == {
        "Dockerfile.j2": "syntax error in line 1:",
        "Dockerfile.tmpl": "syntax error in line 1:",
    }


async def test_a_file_that_it_stumbles_over_does_not_hide_the_others(context_of: ContextOf) -> None:
    crash = "FROM a:1\n# hadolint ignore=DL3004\nWORKDIR a\n"

    some = await run(context_of({"bad.dockerfile": crash, "good.dockerfile": "FROM a:1\nRUN sudo ls\n"}))
    alone = await run(context_of({"bad.dockerfile": crash}))

    assert rules(some) == [("good.dockerfile", 2, 2, "DL3004")]
    assert "Index too large" in some.unread["bad.dockerfile"]
    assert (alone.state, alone.read) == ("failed", ())


async def test_odd_contents_are_read(context_of: ContextOf) -> None:
    files = {
        "empty.dockerfile": "",
        "crlf.dockerfile": "FROM a:1\r\nRUN sudo ls \\\r\n  /x\r\n",
        "bom.dockerfile": "\ufeffFROM a:1\nRUN sudo ls",
        "a b.dockerfile": "FROM a:1\nRUN sudo ls\n",
        "ü/Dockerfile": "FROM a:1\n# \ud800\nRUN sudo ls\n",
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files)
    assert rules(report) == [
        ("a b.dockerfile", 2, 2, "DL3004"),
        ("bom.dockerfile", 2, 2, "DL3004"),
        ("crlf.dockerfile", 2, 3, "DL3004"),
        ("ü/Dockerfile", 3, 3, "DL3004"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "end"),
    [
        ("FROM a\nRUN b\n", 2, 2),
        ("RUN a \\\n\n# c\n  b\nRUN d\n", 1, 4),
        ("RUN a \\", 1, 1),
        ("# escape=`\nRUN a `\n b\n", 2, 3),
        ("RUN <<EOF\na\nb\nEOF\nRUN c\n", 1, 4),
        ("COPY <<-'A' <<B /x/\na\nA\nb\nB\nRUN c\n", 1, 5),
        ('RUN echo "<<EOF"\nRUN a\n', 1, 1),
        ("RUN a \\\n# c\n\n", 1, 3),
        ("# a\n\n# Escape = `\nRUN a `\n# <<B\n b <<C\nB\nC\n", 4, 8),
        ("FROM a\n# escape=`\nRUN a `\n b\n", 3, 3),
    ],
    ids=[
        "one line",
        "continued",
        "continued at the end",
        "another escape",
        "heredoc",
        "two heredocs",
        "what looks like a heredoc",
        "nothing but comments behind it",
        "another escape and a heredoc",
        "another escape too late",
    ],
)
def test_a_finding_spans_the_whole_instruction(text: str, line: int, end: int) -> None:
    assert Instructions(text).end(line) == end


@pytest.mark.parametrize("line", ["RUN a <<A <<B", "RUN a \\", "#", "", "A", "RUN <<A\nb\nA"])
def test_all_instructions_of_a_file_are_known_in_linear_time(line: str) -> None:
    def seconds(count: int) -> float:
        text = f"{line}\n" * count
        begun = time.process_time()
        instructions = Instructions(text)
        for number in range(1, instructions.count + 1):
            instructions.end(number)
        return time.process_time() - begun

    assert seconds(50_000) < 40 * max(seconds(5_000), 0.01)
