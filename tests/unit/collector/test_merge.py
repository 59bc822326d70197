"""The same issue in different words: what is joined, what never is, and what a joined finding says."""

import time
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.contract.facts import Contribution
from quorate.contract.finding import SEVERITIES, Clearance, Finding, Severity
from quorate.settings import QuorumRule
from quorate_collector.domain.conclude import Policy, decide_findings
from quorate_collector.domain.dedup import Cluster, Observation, exact, observe
from quorate_collector.domain.merge import merge
from quorate_collector.domain.similarity import LEXICAL, SCALE, Lexical, Measure
from quorate_collector.domain.veto import WINDOW, apart, contradict
from quorate_collector.domain.words import Wording, wording
from tests.support.findings import CONTRIBUTIONS

NULL = "The result of find_user() may be None, so reading its name raises AttributeError"
ALSO_NULL = "AttributeError when find_user() returns None: the name is read without a check"
LOOP = "The loop compares every pair of rows, which is quadratic in the size of the table"

MESSAGES = [
    *(NULL, ALSO_NULL, LOOP),
    "find_user() gives None for unknown ids, and the name is read all the same",
    "Quadratic loop over the rows of the table: comparing each pair is slow",
    "The timeout is 30 seconds",
    "The timeout is 300 seconds",
    "The password is checked",
    "The password is not checked",
    "Unused import `os`",
    "Unused import `sys`",
    "!",
]
PROSE = st.fixed_dictionaries(
    {"message": st.sampled_from(MESSAGES)},
    optional={
        "path": st.just("b.py"),
        "line": st.sampled_from([None, 1, 5, 12, 40]),
        "category": st.sampled_from(["bug", "security"]),
        "rule": st.sampled_from(["R1", "R2"]),
        "cwe": st.sampled_from([89, 78]),
        "confidence": st.sampled_from([0.5, 0.9]),
    },
).map(lambda fields: Finding.model_validate({"path": "a.py", "line": 5} | fields))
REVIEWS = st.dictionaries(st.sampled_from("abcd"), st.lists(PROSE, max_size=4), max_size=4).map(
    lambda reviews: [each for agent, findings in reviews.items() for each in observe(agent, findings, {})]
)


def finding(message: str = NULL, line: int | None = 5, **fields: Any) -> Finding:
    return Finding.model_validate({"path": "a.py", "line": line, "message": message, "category": "bug"} | fields)


def nobody(_: Cluster) -> frozenset[str]:
    return frozenset()


def merged(*found: tuple[str, Finding]) -> list[Cluster]:
    observations = [each for agent, one in found for each in observe(agent, [one], {})]
    return merge(exact(observations), LEXICAL, nobody)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(finding(), finding(ALSO_NULL), id="one line"),
        pytest.param(finding(), finding(ALSO_NULL, 5 + WINDOW), id="lines nearby"),
        pytest.param(finding(line=3, end_line=90), finding(ALSO_NULL, 80), id="within the other's lines"),
        pytest.param(finding(line=None), finding(ALSO_NULL, 700), id="one about the whole file"),
        pytest.param(finding(), finding(ALSO_NULL, category="other"), id="one without a category"),
        pytest.param(finding(), finding(NULL + " on it", category="security"), id="two categories, nearly one wording"),
        pytest.param(finding("`x` is unused"), finding("`x` is not used"), id="denied in two ways"),
        pytest.param(finding(rule="R1"), finding(ALSO_NULL, rule="R2"), id="two rules"),
        pytest.param(finding(cwe=476), finding(ALSO_NULL), id="one names the weakness"),
    ],
)
def test_one_issue_in_two_wordings_becomes_one(one: Finding, other: Finding) -> None:
    assert len(exact([*observe("a", [one], {}), *observe("b", [other], {})])) == 2, "not for its being exactly one"
    assert len(merged(("a", one), ("b", other))) == len(merged(("b", one), ("a", other))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(finding(), finding(LOOP), id="two issues"),
        pytest.param(finding(), finding(ALSO_NULL, path="b.py"), id="two files"),
        pytest.param(finding(), finding(ALSO_NULL, 6 + WINDOW), id="lines far apart"),
        pytest.param(finding(cwe=476), finding(ALSO_NULL, cwe=89), id="two weaknesses"),
        pytest.param(
            finding(),
            finding("AttributeError for the name of None", category="style"),
            id="two categories, two wordings",
        ),
        pytest.param(finding("The timeout is 30"), finding("A timeout is 300"), id="another number"),
        pytest.param(
            finding("`a` is an unused local name"), finding("`b` is an unused name, local"), id="another name"
        ),
        pytest.param(finding("Unused import os"), finding("Unused import sys"), id="another word in one place"),
        pytest.param(finding("The token is checked here"), finding("The token is not checked"), id="the contrary"),
        pytest.param(
            finding("Name `limit` hides a built-in name", rule="R1"),
            finding("Built-in name hidden by the name `total`", rule="R2"),
            id="rules about two names",
        ),
    ],
)
def test_two_issues_stay_two(one: Finding, other: Finding) -> None:
    assert len(merged(("a", one), ("b", other))) == len(merged(("b", one), ("a", other))) == 2


@pytest.mark.parametrize(
    ("other", "issues"),
    [
        pytest.param(finding(NULL + "."), 1, id="evidently the same"),
        pytest.param(finding("find_user() asks the database and logs the answer"), 2, id="not evidently"),
        pytest.param(finding(ALSO_NULL, rule="R1"), 2, id="by a rule"),
        pytest.param(finding(ALSO_NULL, 7), 2, id="at another line"),
    ],
)
def test_what_one_agent_finds_twice_is_two_issues_unless_evidently_one(other: Finding, issues: int) -> None:
    """Alone it is never joined by similarity, and with the words of others only what is alike at one place."""
    rule = "R1" if other.rule else ""
    clusters = merged(("a", finding(rule=rule)), ("a", other), ("b", finding(ALSO_NULL)), ("c", finding(ALSO_NULL)))
    assert len(clusters) == issues


def test_an_agent_alone_agrees_with_nobody() -> None:
    assert len(merged(("a", finding()), ("a", finding(ALSO_NULL)))) == 2


def test_one_ambiguous_message_does_not_chain_two_issues() -> None:
    """Each link would be enough for a single link."""

    class Chain(Lexical):
        def measure(self, texts: Sequence[Wording]) -> Measure:
            number = [int(text.text.split()[-1]) for text in texts]
            return lambda one, other: SCALE // 2 if abs(number[one] - number[other]) == 1 else 0

    found = [each for n in range(8) for each in observe(f"agent-{n}", [finding(f"{'xyz'[n % 3] * n} about {n}")], {})]
    sizes = [len(cluster.members) for cluster in merge(exact(found), Chain(0.3, 0.3), nobody)]
    assert max(sizes) == 2


def test_the_nearest_of_equally_worded_findings_are_joined() -> None:
    clusters = merged(("a", finding(line=1)), ("a", finding(line=9)), ("b", finding(ALSO_NULL, 9)))
    assert [[member.finding.line for member in cluster.members] for cluster in clusters] == [[1], [9, 9]]


def test_a_merged_finding_keeps_all_wordings_the_best_place_and_the_highest_severity() -> None:
    contributions = {
        "a": Contribution(findings=(finding(line=None, severity="low", confidence=1.0),)),
        "b": Contribution(findings=(finding(ALSO_NULL, 7, end_line=9, severity="critical"),)),
        "c": Contribution(findings=(finding("find_user() may be None, so its name raises AttributeError", 8),)),
    }
    [decided] = decide_findings(contributions, Policy(quorum=lambda _: QuorumRule(lineages=2)))
    assert (decided.line, decided.end_line, decided.severity, decided.decision) == (8, None, "critical", "confirmed")
    assert {vote.message for vote in decided.votes} == {each.findings[0].message for each in contributions.values()}
    assert "merged by similarity 0." in decided.reason
    assert decided.reason.endswith("(lexical)")


def test_what_is_exactly_one_is_not_said_to_be_merged() -> None:
    contributions = {agent: Contribution(findings=(finding(),)) for agent in "ab"}
    [decided] = decide_findings(contributions, Policy(quorum=lambda _: QuorumRule(lineages=2)))
    assert "merged" not in decided.reason


def test_a_place_that_two_agents_agree_on_is_better_than_a_narrower_one() -> None:
    [cluster] = merged(
        ("a", finding(line=4, end_line=6)), ("b", finding(ALSO_NULL, 4, end_line=6)), ("c", finding(NULL + " here", 5))
    )
    assert cluster.members[0].span == (4, 6)


def test_what_was_confirmed_stays_confirmed_though_another_thinks_it_worse() -> None:
    """Two lineages would be too few for a critical finding here, and one is enough for a low one."""
    contributions = {
        "a": Contribution(findings=(finding(severity="low"),)),
        "b": Contribution(findings=(finding(ALSO_NULL, severity="critical"),)),
    }
    decided = decide_findings(
        contributions, Policy(quorum=lambda severity: QuorumRule(lineages=3 if severity == "critical" else 1))
    )
    assert {each.severity: each.decision for each in decided} == {"low": "confirmed", "critical": "demoted"}


def test_an_objection_is_not_lost_because_its_agent_says_something_like_it() -> None:
    clearance = Clearance(path="a.py", line=5, end_line=5, cwe=476, message="never None")
    contributions = {
        "a": Contribution(findings=(finding(cwe=476),)),
        "b": Contribution(findings=(finding(ALSO_NULL),), cleared=(clearance,)),
    }
    decided = decide_findings(contributions, Policy(quorum=lambda _: QuorumRule(lineages=1)))
    assert [len(each.objections) for each in decided if each.cwe] == [1]


def test_objections_to_a_part_are_objections_to_the_whole() -> None:
    clearance = Clearance(path="a.py", line=5, end_line=5, cwe=476, message="never None")
    contributions = {
        "a": Contribution(findings=(finding(cwe=476),)),
        "b": Contribution(findings=(finding(ALSO_NULL, 9),)),
        "c": Contribution(cleared=(clearance,)),
    }
    [decided] = decide_findings(contributions, Policy(quorum=lambda _: QuorumRule(lineages=2)))
    assert (decided.decision, [each.agent for each in decided.objections]) == ("demoted", ["c"])


@given(REVIEWS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_what_is_merged_does_not_depend_on_the_order(orders: tuple[list[Observation], ...]) -> None:
    one, another = orders
    assert merge(exact(another), LEXICAL, nobody) == merge(exact(one), LEXICAL, nobody)


@given(REVIEWS.flatmap(lambda found: st.permutations(exact(found))))
def test_nor_on_the_order_of_clusters(clusters: list[Cluster]) -> None:
    assert merge(clusters, LEXICAL, nobody) == merge(clusters[::-1], LEXICAL, nobody)


@given(REVIEWS)
def test_merging_again_changes_nothing(observations: list[Observation]) -> None:
    once = merge(exact(observations), LEXICAL, nobody)
    assert merge(once, LEXICAL, nobody) == once


@given(REVIEWS)
def test_every_observation_is_in_one_cluster(observations: list[Observation]) -> None:
    clusters = merge(exact(observations), LEXICAL, nobody)
    assert Counter(repr(m) for cluster in clusters for m in cluster.members) == Counter(map(repr, observations))
    assert len(clusters) <= len(exact(observations))


@given(REVIEWS)
def test_no_veto_lies_within_a_merged_cluster(observations: list[Observation]) -> None:
    for cluster in merge(exact(observations), LEXICAL, nobody):
        for one, other in combinations(cluster.parts, 2):
            for a, b in product(one.members, other.members):
                assert not apart(a, b)
                assert not contradict(wording(a.finding.message), wording(b.finding.message))


@given(REVIEWS)
def test_only_what_several_agents_say_is_merged(observations: list[Observation]) -> None:
    for cluster in merge(exact(observations), LEXICAL, nobody):
        assert not cluster.parts or len({member.agent for member in cluster.members}) > 1


@given(REVIEWS)
def test_with_higher_thresholds_fewer_are_merged_and_with_the_highest_only_equal_words(
    observations: list[Observation],
) -> None:
    clusters = exact(observations)
    none = merge(clusters, Lexical(2.0, 2.0), nobody)
    assert none == clusters
    assert len(merge(clusters, LEXICAL, nobody)) <= len(merge(clusters, Lexical(0.99, 0.99), nobody)) <= len(none)


@given(CONTRIBUTIONS, st.sampled_from(SEVERITIES))
def test_whoever_had_a_confirmed_finding_has_one_still(
    contributions: dict[str, Contribution], strict: Severity
) -> None:
    def quorum(severity: Severity) -> QuorumRule:
        return QuorumRule(lineages=2 if severity == strict else 1)

    def confirmed(policy: Policy) -> set[str]:
        decided = decide_findings(contributions, policy)
        return {repr(vote) for each in decided if each.decision == "confirmed" for vote in each.votes}

    assert confirmed(Policy(quorum, similarity=Lexical(2.0, 2.0))) <= confirmed(Policy(quorum))


@given(st.lists(st.text(max_size=60), min_size=2, max_size=6))
def test_alike_is_mutual_within_bounds_and_highest_of_equals(texts: list[str]) -> None:
    measure = LEXICAL.measure([wording(text) for text in texts])
    for one, other in combinations(range(len(texts)), 2):
        assert 0 <= measure(one, other) == measure(other, one) <= SCALE
        if texts[one] == texts[other] and wording(texts[one]).stems:
            assert measure(one, other) > 0.98 * SCALE


HOSTILE = {
    "words of one vocabulary": lambda n: " ".join(f"word{(n * k) % 97}" for k in range(150)),
    "one word": lambda n: f"{'overflow ' * 900}{n}",
    "names without end": lambda n: f"{n} {'a.b_' * 1_900}",
    "quotes": lambda n: f"{n}{'`' * 3_000}{chr(39) * 3_000}",
    "lines": lambda n: f"{n} {'lines 1-2, ' * 600}",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_two_thousand_findings_of_one_file_are_compared_in_bounded_time(kind: str) -> None:
    """About half a second; without bounds it would be minutes."""
    found = [
        observation
        for n in range(2_000)
        for observation in observe(f"agent-{n % 20}", [finding(HOSTILE[kind](n)[:8_000], None)], {})
    ]
    clusters = exact(found)
    start = time.process_time()
    merge(clusters, LEXICAL, nobody)
    assert time.process_time() - start < 5
