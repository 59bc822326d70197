"""The agent `shellcheck`, with the real tool."""

from collections.abc import Callable

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate.contract.fix import Edit, Fix
from quorate_worker.adapters.shellcheck import SHELLCHECK, dialect_of
from quorate_worker.adapters.toolbox import Toolbox

ContextOf = Callable[..., Context]


async def run(context: Context) -> Contribution:
    report = await SHELLCHECK.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return sorted((finding.path, finding.line, finding.rule) for finding in report.findings)


async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    code = '#!/bin/sh\nset -e\necho $1\nif [ "$2" ]\nthen\n  rm -rf "$3/"\nfi\n'

    report = await run(context_of({"a.sh": code, "clean.sh": "#!/bin/sh\necho a\n", "notes.txt": "echo $1\n"}))

    assert report.state == "ok", report.reason
    assert report.version.startswith("0.")
    assert report.read == ("a.sh", "clean.sh")
    assert rules(report) == [("a.sh", 3, "SC2086"), ("a.sh", 6, "SC2115")]
    assert report.findings[0] == Finding(
        path="a.sh",
        line=3,
        end_line=3,
        severity="low",
        category="bug",
        message="Double quote to prevent globbing and word splitting.",
        rule="SC2086",
        confidence=0.7,
        fix=Fix(edits=(Edit(line=3, end_line=3, text='echo "$1"\n'),)),
    )
    assert report.findings[1].severity == "high"


async def test_scripts_are_known_by_name_or_by_their_first_line(context_of: ContextOf) -> None:
    files = {
        "run": "#!/usr/bin/env -S bash -e\necho $1\n",
        ".bashrc": "echo $1\n",
        "a.KSH": "echo $1\n",
        "other": "#!/usr/bin/env python3\necho $1\n",
        "text": "echo $1\n",
    }

    report = await run(context_of(files))

    assert [path for path, _, _ in rules(report)] == [".bashrc", "a.KSH", "run"]


async def test_what_directs_the_tool_makes_findings_notes_and_hides_none(context_of: ContextOf) -> None:
    files = {
        ".shellcheckrc": "disable=all\n",
        "a.sh": "#!/bin/sh\necho\n# shellcheck disable=SC2086\necho $1\necho $2\n",
        "all.sh": "#!/bin/sh\n#  shellcheck  disable=all # because\necho $1\n",
        "twice.sh": "#!/bin/sh\n# # shellcheck disable=SC2086\n# shellcheck disable=SC2046 disable=SC2086\necho $1\n",
        "odd.sh": "#!/bin/sh\n# shellcheck enable=all shell=zsh source=/etc/passwd external-sources=true\necho $1\n",
    }

    report = await run(context_of(files))

    by_place = {(item.path, item.line): (item.severity, "dismissed" in item.message) for item in report.findings}
    assert by_place[("a.sh", 4)] == ("info", True)
    assert by_place[("a.sh", 5)] == ("low", False)
    assert by_place[("all.sh", 3)] == ("info", True)
    assert by_place[("twice.sh", 4)] == ("info", True)
    assert ("odd.sh", 3) in by_place
    assert all(item.fix is None for item in report.findings if "dismissed" in item.message)


@pytest.mark.parametrize("space", ["", "\t", "\xa0", "\u2003", "\u200b", "\u202f"])
async def test_whatever_the_tool_takes_for_a_space_before_a_directive_hides_nothing(
    context_of: ContextOf, space: str
) -> None:
    report = await run(context_of({"a.sh": f"#!/bin/sh\n#{space}shellcheck disable=SC2086\necho $1\n"}))

    assert ("a.sh", 3, "SC2086") in rules(report)


async def test_a_directive_that_cannot_be_read_dismisses_nothing(context_of: ContextOf) -> None:
    code = '#!/bin/bash\nrm -rf "${1}/"*\n# shellcheck disable=SC1 foo\nif true; then echo hi; fi\n'

    report = await run(context_of({"a.sh": code}))

    assert report.read == ("a.sh",)
    assert [(item.line, item.rule, item.severity, item.dismissed) for item in report.findings] == [
        (2, "SC2115", "high", False)
    ]


async def test_no_other_file_is_read_whatever_a_script_sources(context_of: ContextOf) -> None:
    files = {
        "a.sh": '#!/bin/sh\n# shellcheck source=b.sh\n. ./b.sh\n. /etc/profile\necho "$from_b"\n',
        "b.sh": "#!/bin/sh\nfrom_b=1\nexport from_b\n",
    }

    assert rules(await run(context_of(files))) == [("a.sh", 5, "SC2154")]


async def test_a_syntax_error_is_a_finding_and_the_file_is_unread(context_of: ContextOf) -> None:
    files = {"bad.sh": "#!/bin/sh\nif true; then\n echo $1\n", "good.sh": "#!/bin/sh\necho $1\n"}

    report = await run(context_of(files))

    assert report.read == ("good.sh",)
    assert report.unread == {
        "bad.sh": "syntax error in line 4: Expected 'fi'. Fix any mentioned problems and try again."
    }
    bad = [item for item in report.findings if item.path == "bad.sh"]
    assert [(item.line, item.rule, item.severity) for item in bad] == [
        (2, "SC1046", "high"),
        (3, "SC1047", "high"),
        (3, "SC1072", "high"),
    ]


async def test_a_script_of_another_shell_is_unread_and_no_finding(context_of: ContextOf) -> None:
    report = await run(context_of({"a.sh": "#!/usr/bin/env zsh\necho $1\n"}))

    assert (report.state, report.findings, report.read) == ("ok", (), ())
    assert "only supports sh/bash/dash/ksh" in report.unread["a.sh"]


async def test_odd_contents_and_names_are_read(context_of: ContextOf) -> None:
    files = {
        "empty.sh": "",
        "crlf.sh": "#!/bin/sh\r\necho $1\r\necho $2\r\n",
        "bom.sh": "\ufeff#!/bin/sh\necho $1",
        "-x.sh": "#!/bin/sh\necho $1",
        "a b.sh": "#!/bin/sh\necho $1\n",
        "ü/é[1].sh": "#!/bin/sh\necho $1\n",
        "surrogate.sh": "#!/bin/sh\necho '\ud800'\necho $1\n",
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files)
    assert rules(report) == sorted(
        [
            ("-x.sh", 2, "SC2086"),
            ("a b.sh", 2, "SC2086"),
            ("bom.sh", 1, "SC1082"),
            ("bom.sh", 2, "SC2086"),
            ("crlf.sh", 1, "SC1017"),
            ("crlf.sh", 2, "SC2086"),
            ("crlf.sh", 3, "SC2086"),
            ("surrogate.sh", 3, "SC2086"),
            ("ü/é[1].sh", 2, "SC2086"),
        ]
    )


async def test_many_scripts_are_read(context_of: ContextOf) -> None:
    report = await run(context_of({f"d{n % 9}/s{n}.sh": "#!/bin/sh\necho $1\n" for n in range(600)}))

    assert len(report.read) == len(report.findings) == 600


@pytest.mark.parametrize(
    ("path", "text", "dialect"),
    [
        ("a.sh", "#!/bin/dash\n", ""),
        ("a.sh", "\ufeff#!/bin/sh\n# shellcheck shell=ksh\n", ""),
        ("a.sh", "# shellcheck shell=sh\n", "sh"),
        ("a.sh", "# shellcheck disable=SC1000 shell=dash\n", "dash"),
        ("a.sh", "# shellcheck shell=powershell\n", "bash"),
        ("a.ksh", "echo\n", "ksh"),
        (".profile", "echo\n", "bash"),
    ],
)
def test_without_a_first_line_the_dialect_is_told_by_the_name_or_is_that_of_bash(
    path: str, text: str, dialect: str
) -> None:
    assert dialect_of(path, text) == dialect
