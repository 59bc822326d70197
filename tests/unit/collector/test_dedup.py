"""Exact deduplication: what is one issue, and what is not."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.facts import Contribution
from quorate.contract.finding import Finding
from quorate_collector.domain.dedup import Cluster, Observation, exact, normalise, observe
from tests.support.findings import CONTRIBUTIONS

OBSERVATIONS = CONTRIBUTIONS.map(
    lambda contributions: [
        observation for agent, each in contributions.items() for observation in observe(agent, each.findings, {})
    ]
)


def finding(line: int | None = 5, message: str = "Unused import", **fields: Any) -> Finding:
    return Finding.model_validate({"path": "a.py", "line": line, "message": message} | fields)


def clusters(*found: tuple[str, Finding]) -> list[Cluster]:
    return exact([observation for agent, each in found for observation in observe(agent, [each], {})])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", finding()), ("b", finding()), id="the same from two agents"),
        pytest.param(("a", finding()), ("a", finding()), id="the same twice from one agent"),
        pytest.param(("a", finding(message="Unused import.")), ("b", finding(message="unused  IMPORT")), id="spelling"),
        pytest.param(("a", finding(message="`x` is unused")), ("b", finding(message='"x" is unused')), id="quotes"),
        pytest.param(("a", finding(3, end_line=6)), ("b", finding(5)), id="one within the other's lines"),
        pytest.param(("a", finding(3, end_line=5)), ("b", finding(5, end_line=9)), id="lines that touch"),
        pytest.param(("a", finding(None)), ("b", finding(None)), id="both about the whole file"),
        pytest.param(
            ("ruff", finding(message="one", rule="S608")),
            ("bandit", finding(message="another", rule="B608")),
            id="one rule in two tools",
        ),
        pytest.param(
            ("ruff", finding(message="Possible password", rule="S105")),
            ("detect-secrets", finding(message="Secret Keyword", rule="Secret Keyword")),
            id="a hard-coded secret in two tools",
        ),
        pytest.param(
            ("a", finding(message="one", rule="r1", cwe=89)),
            ("b", finding(message="another", rule="r2", cwe=89)),
            id="one weakness in two tools",
        ),
        pytest.param(("a", finding(severity="low")), ("b", finding(severity="critical")), id="another severity"),
    ],
)
def test_two_observations_of_one_issue_become_one(one: tuple[str, Finding], other: tuple[str, Finding]) -> None:
    assert len(clusters(one, other)) == len(clusters(other, one)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", finding()), ("b", finding(path="b.py")), id="two files"),
        pytest.param(
            ("a", finding(message="one", cwe=89)), ("b", finding(message="another", cwe=78)), id="two weaknesses"
        ),
        pytest.param(
            ("a", finding(message="one", cwe=89)), ("a", finding(message="another", cwe=89)), id="one weakness twice"
        ),
        pytest.param(("a", finding()), ("b", finding(category="bug")), id="two categories"),
        pytest.param(("a", finding(5)), ("b", finding(6)), id="two lines"),
        pytest.param(("a", finding(1, end_line=4)), ("b", finding(5, end_line=9)), id="lines that do not meet"),
        pytest.param(("a", finding()), ("b", finding(message="Shadowed name")), id="two messages without rules"),
        pytest.param(("a", finding(message="x is 1")), ("b", finding(message="x is 2")), id="another number"),
        pytest.param(("a", finding(message="x is long")), ("b", finding(message="y is long")), id="another name"),
        pytest.param(("a", finding(None)), ("b", finding(1)), id="the whole file and its first line"),
        pytest.param(("a", finding(None, end_line=9)), ("b", finding(5)), id="the whole file, with an end, and a line"),
        pytest.param(
            ("ruff", finding(message="x", rule="S608")),
            ("ruff", finding(message="y", rule="S608")),
            id="one rule twice from one agent",
        ),
        pytest.param(
            ("a", finding(message="x", rule="R1")), ("b", finding(message="y", rule="R1")), id="two agents' own rules"
        ),
        pytest.param(
            ("ruff", finding(message="x", rule="S608")), ("bandit", finding(message="y", rule="B609")), id="two rules"
        ),
    ],
)
def test_two_issues_stay_two(one: tuple[str, Finding], other: tuple[str, Finding]) -> None:
    assert len(clusters(one, other)) == len(clusters(other, one)) == 2


def test_the_most_confident_speaks_for_a_cluster() -> None:
    [cluster] = clusters(("a", finding(confidence=0.5)), ("b", finding(confidence=0.9)), ("c", finding(confidence=0.9)))
    assert [member.agent for member in cluster.members] == ["b", "c", "a"]


def test_a_fingerprint_stays_when_the_finding_moves() -> None:
    [here], [there] = clusters(("a", finding(5))), clusters(("a", finding(500)))
    assert here.fingerprint == there.fingerprint
    assert len(here.fingerprint) == 16


@pytest.mark.parametrize(
    "other", [finding(path="b.py"), finding(category="bug"), finding(message="other"), finding(rule="R1")]
)
def test_another_issue_has_another_fingerprint(other: Finding) -> None:
    [one], [another] = clusters(("a", finding())), clusters(("a", other))
    assert one.fingerprint != another.fingerprint


def test_a_message_is_compared_without_case_quotes_blanks_and_its_full_stop() -> None:
    assert normalise(" `Foo`  is\n'bar'. ") == "foo is bar"
    assert normalise("STRASSE") == normalise("straße")


@given(OBSERVATIONS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_clusters_do_not_depend_on_the_order_of_observations(orders: tuple[list[Observation], ...]) -> None:
    one, another = orders
    assert exact(another) == exact(one)


@given(OBSERVATIONS)
def test_every_observation_is_in_one_cluster(observations: list[Observation]) -> None:
    members = [member for cluster in exact(observations) for member in cluster.members]
    assert Counter(map(repr, members)) == Counter(map(repr, observations))


@given(OBSERVATIONS)
def test_a_cluster_is_about_one_category_of_one_file_and_hangs_together(observations: list[Observation]) -> None:
    for cluster in exact(observations):
        assert len({(member.finding.path, member.finding.category) for member in cluster.members}) == 1
        first, *rest = sorted(cluster.members, key=lambda member: member.span)
        reached = first.span[1]
        for member in rest:
            assert member.span[0] <= reached, "each overlaps those before it"
            reached = max(reached, member.span[1])


@given(OBSERVATIONS)
def test_observations_of_one_place_with_one_message_are_in_one_cluster(observations: list[Observation]) -> None:
    homes: dict[object, int] = {}
    for number, cluster in enumerate(exact(observations)):
        for member in cluster.members:
            place = (member.finding.path, member.finding.category, member.span, member.message)
            assert homes.setdefault(place, number) == number


@given(CONTRIBUTIONS)
def test_what_is_repeated_makes_no_further_cluster(contributions: dict[str, Contribution]) -> None:
    once = [o for agent, each in contributions.items() for o in observe(agent, each.findings, {})]
    assert len(exact([*once, *once])) == len(exact(once))


def test_many_open_clusters_do_not_take_for_ever() -> None:
    """Comparing each with all would take 50 million steps."""
    wide = [finding(1, end_line=10_000, message=f"issue {n}", rule="S608") for n in range(10_000)]
    found = observe("ruff", wide, {}) + observe("bandit", [finding(1, message="x", rule="B608")], {})
    assert len(exact(found)) in (10_000, 10_001)
