"""A baseline as a file: what it keeps, that it is read as it was written, and what is said of one that is broken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.facts import AgentCoverage, AgentState, Coverage
from quorate.contract.finding import SEVERITIES, Category, DecidedFinding, Vote
from quorate.contract.result import Result, Timings
from quorate_cli.baseline import BadBaseline, Baseline, Entry, baseline_of, dump, joined, matched, parse

ENTRIES = st.lists(
    st.builds(
        Entry,
        path=st.text(min_size=1, max_size=8),
        rule=st.text(max_size=4),
        severity=st.sampled_from(SEVERITIES),
        fingerprint=st.text("0123456789abcdef", min_size=16, max_size=16),
        votes=st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=2),
        count=st.integers(1, 9),
        message=st.none() | st.text(max_size=20),
    ),
    max_size=6,
)


def finding(
    fingerprint: str, path: str = "a.py", category: Category = "bug", message: str = "m", agent: str = "ruff"
) -> DecidedFinding:
    return DecidedFinding(
        id=fingerprint,
        path=path,
        line=1,
        severity="high",
        category=category,
        message=message,
        fingerprint=fingerprint,
        rules=("R1", "R2"),
        votes=(Vote(agent=agent, lineage=agent, rule="R1", severity="high", confidence=1, message=message),),
        decision="confirmed",
        reason="r",
    )


def result(*findings: DecidedFinding, files: int = 1, **agents: AgentState) -> Result:
    asked = agents or {"ruff": "ok"}
    coverage = {
        name: AgentCoverage(state=state, version="7", files=files if state == "ok" else 0)
        for name, state in asked.items()
    }
    return Result(
        task_id="t",
        kind="code-review",
        state="completed",
        findings=findings,
        coverage=Coverage(agents=coverage),
        timings=Timings(finished_at="2026-01-01T00:00:00.000Z"),
    )


@given(ENTRIES)
def test_what_is_written_is_read_again(entries: list[Entry]) -> None:
    baseline = Baseline(joined(entries), {"ruff": "1.2"})
    text = dump(baseline)

    assert parse(text, baseline.name) == baseline
    assert len(text.splitlines()) == len(baseline.entries) + 2 + (not baseline.entries)


def test_each_finding_is_a_line_sorted_by_path_so_that_merges_are_small() -> None:
    lines = dump(baseline_of(result(finding("b" * 16, "z.py"), finding("a" * 16, "a.py")))).splitlines()

    assert [json.loads(line.rstrip(","))["path"] for line in lines[1:-1]] == ["a.py", "z.py"]


def test_equal_findings_are_counted() -> None:
    (entry,) = baseline_of(result(finding("a" * 16), finding("a" * 16))).entries

    assert (entry.count, entry.rule) == (2, "R1")


def test_the_message_of_a_secret_is_not_kept_and_a_long_one_is_cut() -> None:
    secret, long = baseline_of(
        result(finding("a" * 16, "a.py", "secrets", "token abc"), finding("b" * 16, "b.py", message="x" * 900))
    ).entries

    assert secret.message is None
    assert long.message == "x" * 200


def test_only_agents_that_looked_are_named() -> None:
    assert baseline_of(result(ruff="ok", bandit="missing", hadolint="skipped")).agents == {"ruff": "7"}


def test_what_is_found_in_the_change_as_such_is_not_kept() -> None:
    """Such as a file that is added without a test: the next change is another one."""
    assert baseline_of(result(finding("a" * 16), files=0)).entries == ()


def test_no_fingerprint_looks_like_a_random_secret() -> None:
    text = dump(baseline_of(result(finding("0123456789abcdef"))))

    assert "0123-4567-89ab-cdef" in text
    assert "0123456789abcdef" not in text


def seen(id: str, fingerprint: str, *agents: str) -> DecidedFinding:
    votes = tuple(
        Vote(agent=agent, lineage=agent, rule="R", severity="high", confidence=1, message=f"{agent} says so")
        for agent in agents
    )
    return finding(fingerprint).model_copy(update={"id": id, "votes": votes})


def test_a_finding_is_known_though_another_agent_speaks_for_it_now() -> None:
    """The fingerprint is the speaker's: with another set of tools it is another one."""
    (entry,) = baseline_of(result(seen("1", "a" * 16, "bandit", "ruff"), ruff="ok", bandit="ok")).entries

    assert matched([entry], [seen("2", "b" * 16, "ruff")]) == {"2": entry}
    assert matched([entry], [seen("2", "b" * 16, "ruff", "semgrep")]) == {"2": entry}
    assert matched([entry], [seen("2", "b" * 16, "semgrep")]) == {}


def test_an_entry_stands_for_no_more_findings_than_it_counts_and_exact_ones_first() -> None:
    (entry,) = baseline_of(result(seen("1", "a" * 16, "ruff"))).entries
    findings = [seen("2", "b" * 16, "ruff"), seen("3", "a" * 16, "ruff"), seen("4", "a" * 16, "ruff")]

    assert matched([entry], findings) == {"3": entry}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "it has no version"),
        ('{"version": "1"}', "it has no version"),
        ('{"version": 2, "news": []}', "by a newer version of Quorate, in format 2: update Quorate"),
        ('{"version": 1}', "`findings` and `agents` are not what they should be"),
        ('{"version": 1, "agents": {}, "findings": 3}', "are not what they should be"),
        ('{"version": 1, "agents": {}, "findings": [3]}', "are not what they should be"),
        ('{"version": 1, "agents": [], "findings": []}', "are not what they should be"),
        ('{"version": 1, "agents": {}, "findings": [{"fingerprint": "a", "path": "a", "severity": "x"}]}', "severity"),
        ('{"version": 1, "agents": {},\n<<<<<<< HEAD\n', "the marks of a merge conflict"),
    ],
    ids=range(11),
)
def test_a_file_that_is_no_baseline_is_named_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(BadBaseline, match=r"^here\.json ") as error:
        parse(text, "here.json")
    assert said in str(error.value)
