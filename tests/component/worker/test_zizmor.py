"""The agent `zizmor`, with the real tool."""

from collections.abc import Callable
from importlib import metadata

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.zizmor import ZIZMOR

ContextOf = Callable[..., Context]

INJECTED = """\
on: issues
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo hello
          echo "${{ github.event.issue.title }}"
"""
ACTION = (
    "name: a\ndescription: b\nruns:\n  using: composite\n  steps:\n  - run: echo ${{ inputs.x }}\n    shell: bash\n"
)


async def run(context: Context) -> Contribution:
    report = await ZIZMOR.analyze(context, Toolbox())
    report.encode()  # it can be sent
    return report


def rules(report: Contribution) -> list[tuple[str, int | None, str]]:
    return sorted((item.path, item.line, item.rule) for item in report.findings)


async def test_problems_are_found_where_they_are(context_of: ContextOf) -> None:
    files = {
        ".github/workflows/a.yml": INJECTED,
        "deploy/action.yaml": ACTION,
        ".github/dependabot.yml": (
            "version: 2\nupdates:\n- package-ecosystem: pip\n  directory: /\n  cooldown: {default-days: 9}\n"
            "  schedule: {interval: daily}\n  insecure-external-code-execution: allow\n"
        ),
        "docs/a.yml": INJECTED,
    }

    report = await run(context_of(files))

    assert (report.state, report.version) == ("ok", metadata.version("zizmor"))
    assert report.read == (".github/workflows/a.yml", "deploy/action.yaml", ".github/dependabot.yml")
    assert rules(report) == [
        (".github/dependabot.yml", 7, "dependabot-execution"),
        (".github/workflows/a.yml", 9, "template-injection"),
        ("deploy/action.yaml", 6, "template-injection"),
    ]
    found = next(item for item in report.findings if item.line == 9)
    assert found.suggestion == "replace expression with environment variable"
    assert found.model_copy(update={"suggestion": None}) == Finding(
        path=".github/workflows/a.yml",
        line=9,
        end_line=9,
        severity="high",
        category="security",
        message="code injection via template expansion: may expand into attacker-controllable code",
        rule="template-injection",
        confidence=0.9,
        cwe=94,
    )


async def test_an_action_that_is_not_pinned_is_less_severe_if_it_is_of_github(context_of: ContextOf) -> None:
    code = (
        "on: push\npermissions: {}\njobs:\n  one:\n    runs-on: x\n    steps:\n"
        "      - uses: actions/labeler@v5\n      - uses: someone/actions@v1\n"
    )

    pinned = f"{code}      - uses: another/action@{'c' * 40} # v1\n"

    report = await run(context_of({".github/workflows/a.yml": code, ".github/workflows/b.yml": pinned}))

    assert [(item.path[-5:], item.line, item.rule, item.severity) for item in report.findings] == [
        ("a.yml", 7, "unpinned-uses", "info"),
        ("a.yml", 8, "unpinned-uses", "medium"),
        ("b.yml", 7, "unpinned-uses", "low"),
        ("b.yml", 8, "unpinned-uses", "medium"),
    ]


async def test_what_directs_the_tool_makes_findings_notes_and_hides_none(context_of: ContextOf) -> None:
    ignored = INJECTED.replace('title }}"\n', 'title }}" # zizmor: ignore[template-injection]\n')
    config = "rules:\n  template-injection:\n    disable: true\n    ignore: [a.yml]\n"
    files = {
        ".github/workflows/a.yml": INJECTED,
        ".github/workflows/b.yml": ignored.replace("run: |", "run: | # zizmor: ignore[template-injection]"),
        ".github/zizmor.yml": config,
        "zizmor.yml": config,
        ".github/workflows/zizmor.yml": INJECTED,
        ".gitignore": "*\n",
        ".ignore": "*\n",
    }

    report = await run(context_of(files))

    assert sorted((item.path, item.severity) for item in report.findings) == [
        (".github/workflows/a.yml", "high"),
        (".github/workflows/b.yml", "info"),
        (".github/workflows/zizmor.yml", "high"),
    ]
    assert "dismissed in the code by `zizmor: ignore`" in " ".join(item.message for item in report.findings)


async def test_what_cannot_be_read_is_unread_with_the_reason(context_of: ContextOf) -> None:
    files = {
        ".github/workflows/a.yml": INJECTED,
        ".github/workflows/bad.yml": "on: push\njobs:\n  b: {}\n bad\n",
        ".github/workflows/other.yml": "a: 1\n",
        ".github/workflows/empty.yml": "",
        ".github/workflows/X.YML": INJECTED,
    }

    report = await run(context_of(files))

    mismatch = "as workflow: input does not match expected validation schema"
    assert rules(report) == [(".github/workflows/a.yml", 9, "template-injection")]
    assert report.unread == {
        ".github/workflows/bad.yml": (
            "failed to parse input: did not find expected key at line 4 column 2, while parsing a block mapping"
        ),
        ".github/workflows/other.yml": f"failed to validate .github/workflows/other.yml {mismatch}",
        ".github/workflows/empty.yml": f"failed to validate .github/workflows/empty.yml {mismatch}",
        ".github/workflows/X.YML": "GitHub and zizmor read files that end with .yml or .yaml only",
    }


async def test_no_name_can_make_another_file_count_as_read(context_of: ContextOf) -> None:
    evil = ".github/workflows/evil.yml"
    files = {
        evil: "jobs: [\n",
        f".github/workflows/a\ncompleted ./{evil}": INJECTED,
        f".github/workflows/b\n INFO audit: zizmor: completed {evil}": INJECTED,
    }

    quoted = (path.replace("\n", "\\n") for path in files)
    context = context_of({}, diff="".join(f'--- /dev/null\n+++ "b/{path}"\n@@ -0,0 +1 @@\n+x\n' for path in quoted))
    context.input = {**context.input, "files": files}

    report = await run(context)

    assert list(report.unread) == [evil]
    assert {path for path, _, _ in rules(report)} == set(report.read) == files.keys() - {evil}


async def test_the_folder_tells_what_a_file_is(context_of: ContextOf) -> None:
    files = {
        ".github/workflows/dependabot.yml": INJECTED,
        ".github/workflows/action.yml": INJECTED,
        "a/b/action.yml": ACTION,
    }

    report = await run(context_of(files))

    assert (set(report.read), report.unread) == (set(files), {})
    assert {path for path, _, _ in rules(report)} == set(files)


async def test_a_change_with_nothing_but_unreadable_files_is_no_failure(context_of: ContextOf) -> None:
    report = await run(context_of({".github/workflows/bad.yml": "on: push\n bad"}))

    assert (report.state, report.read, list(report.unread)) == ("ok", (), [".github/workflows/bad.yml"])


async def test_odd_contents_and_names_are_read(context_of: ContextOf) -> None:
    files = {
        ".github/workflows/crlf.yml": INJECTED.replace("\n", "\r\n"),
        ".github/workflows/bom.yml": "\ufeff" + INJECTED.rstrip("\n"),
        ".github/workflows/a b.yml": INJECTED,
        ".github/workflows/-x.yml": INJECTED,
        "-y/action.yml": ACTION,
        "ü [1]/action.yml": ACTION,
        ".github/workflows/surrogate.yml": "# \ud800\n" + INJECTED,
    }

    report = await run(context_of(files))

    assert set(report.read) == set(files), report.unread
    assert rules(report) == sorted(
        (path, 6 if path.endswith("action.yml") else 10 if "surrogate" in path else 9, "template-injection")
        for path in files
    )
