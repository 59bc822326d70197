"""Following over any sequence of reviews of a change that goes on: nothing is told twice, nothing vanishes."""

import itertools
import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quorate.contract.finding import DecidedFinding
from quorate.contract.history import History
from quorate_collector.domain.commands import Command, apply
from quorate_collector.domain.following import Followed, follow
from quorate_collector.domain.history import MAX_BYTES, record
from quorate_collector.domain.looked import Looked
from quorate_collector.domain.matching import NEAR
from tests.support.series import finding, history, numbered

AGENTS = ("bandit", "ruff")
REPORTERS = st.sets(st.sampled_from(AGENTS), min_size=1).map(sorted).map(tuple)
DOUBLE = "An assertion is left out when Python optimises"


@dataclass(frozen=True)
class Flaw:
    """A line of code that agents report. Flaws of the same words have nothing but their lines to know them by."""

    number: int
    agents: tuple[str, ...]
    double: bool

    @property
    def message(self) -> str:
        return DOUBLE if self.double else f"The name `name_{self.number}` is not used"


class Series(RuleBasedStateMachine):
    """A change that is edited and reviewed again and again, while agents fail and people dismiss."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, list[Flaw | None]] = {"f0.py": [None] * 5}
        self.numbers = itertools.count(1)
        self.renamed: dict[str, str] = {}
        self.history: History = history()
        self.issues_of: dict[Flaw, set[str]] = {}
        """The issues that a flaw of its own words was reported as: one, until that is dismissed."""
        self.told: dict[Flaw, tuple[str, int, str]] = {}
        """Path and line at which a flaw was last reported, and as which issue."""
        self.reviews = 0

    def all_flaws(self) -> list[tuple[str, int, Flaw]]:
        return [
            (path, line, flaw)
            for path, lines in sorted(self.files.items())
            for line, flaw in enumerate(lines, 1)
            if flaw is not None
        ]

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        for number in range(1, count):
            self.files[f"f{number}.py"] = [None] * 5

    @rule(data=st.data(), count=st.integers(1, 40))
    def insert_lines(self, data: st.DataObject, count: int) -> None:
        lines = self.files[data.draw(st.sampled_from(sorted(self.files)))]
        at = data.draw(st.integers(0, len(lines)))
        lines[at:at] = [None] * count

    @rule(data=st.data())
    def delete_lines_without_flaws(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.files)))
        at = data.draw(st.integers(0, len(self.files[path])))
        lines = self.files[path]
        lines[at : at + 20] = [flaw for flaw in lines[at : at + 20] if flaw is not None]

    @rule(data=st.data(), agents=REPORTERS, double=st.booleans())
    def add_a_flaw(self, data: st.DataObject, agents: tuple[str, ...], double: bool) -> None:
        lines = self.files[data.draw(st.sampled_from(sorted(self.files)))]
        flaw = Flaw(next(self.numbers), ("bandit",) if double else agents, double)
        lines.insert(data.draw(st.integers(0, len(lines))), flaw)

    @precondition(lambda self: self.all_flaws())
    @rule(data=st.data())
    def fix_a_flaw(self, data: st.DataObject) -> None:
        path, line, _ = data.draw(st.sampled_from(self.all_flaws()))
        self.files[path][line - 1] = None

    @precondition(lambda self: self.files.keys() - self.renamed.keys())
    @rule(data=st.data())
    def rename_a_file(self, data: st.DataObject) -> None:
        """Once: the diff names the path that it had before the change, at every review."""
        old = data.draw(st.sampled_from(sorted(self.files.keys() - self.renamed.keys())))
        new = f"f{next(self.numbers)}-moved.py"
        self.files[new] = self.files.pop(old)
        self.renamed[new] = old

    @rule(data=st.data())
    def dismiss(self, data: st.DataObject) -> None:
        ids = sorted(each.id for each in self.history.issues if each.state == "open")
        if ids:
            self.command("dismiss", data.draw(st.sampled_from(ids)))

    @rule(data=st.data())
    def undismiss(self, data: st.DataObject) -> None:
        ids = sorted(each.id for each in self.history.issues if each.state == "dismissed")
        if ids:
            self.command("undismiss", data.draw(st.sampled_from(ids)))

    def command(self, name: str, id: str) -> None:
        task = f"command-{next(self.numbers)}"
        made = Command(name=name, by="ada", task=task, finding=id)  # type: ignore[arg-type]
        before = self.history
        self.history, _ = apply(before, made)
        assert self.history != before
        assert apply(self.history, made)[0] is self.history

    @rule(absent=st.sets(st.sampled_from(AGENTS), max_size=2), seed=st.randoms(use_true_random=False))
    def review(self, absent: set[str], seed: random.Random) -> None:
        self.reviews += 1
        label, task = f"c{self.reviews}", f"t{self.reviews}"
        present = set(AGENTS) - absent
        paths = frozenset(self.files)
        looked = Looked(dict.fromkeys(present, paths), paths, frozenset(AGENTS), self.renamed)
        decided, flaws = self.findings(present)
        before = self.history
        followed = follow(before, decided, looked, label)
        shuffled = list(decided)
        seed.shuffle(shuffled)
        assert follow(before, tuple(shuffled), looked, label) == followed
        self.check_each_issue_is_accounted_for(before, followed)
        self.check_flaws_of_their_own_words(before, followed, flaws, present)
        self.check_doubles(before, followed, decided)
        self.check_nothing_that_is_open_is_withheld(before, followed, flaws)
        self.history = record(before, followed.findings, followed.resolved, task, label, self.reviews)
        assert record(self.history, followed.findings, followed.resolved, task, label, self.reviews) is self.history
        late = record(self.history, (), followed.resolved, "late", label, self.reviews - 1)
        assert late.issues == self.history.issues

    def findings(self, present: set[str]) -> tuple[tuple[DecidedFinding, ...], dict[str, Flaw]]:
        made = []
        for path, line, flaw in self.all_flaws():
            if agents := [agent for agent in flaw.agents if agent in present]:
                made.append((finding(flaw.message, line, path=path, agents=agents, rule="R1"), flaw))
        decided = numbered(each for each, _ in made)
        return decided, {each.id: flaw for each, (_, flaw) in zip(decided, made, strict=True)}

    def check_each_issue_is_accounted_for(self, before: History, followed: Followed) -> None:
        ids = [each.issue for each in followed.findings] + [each.issue for each in followed.resolved]
        assert len(ids) == len(set(ids)), "no issue is told of twice"
        assert len({each.id for each in followed.findings}) == len(followed.findings)
        known = {each.id for each in before.issues}
        open_before = {each.id for each in before.issues if each.state == "open"}
        assert open_before <= set(ids), "none vanishes without a word"
        for each in followed.findings:
            assert (each.standing == "new") is (each.issue not in known)
        assert {each.issue for each in followed.resolved} <= open_before

    def check_flaws_of_their_own_words(
        self, before: History, followed: Followed, flaws: dict[str, Flaw], present: set[str]
    ) -> None:
        states = {each.id: each.state for each in before.issues}
        lines = {each.id: each.line or 0 for each in before.issues}
        reporters = {each.id: set(each.agents) for each in before.issues}
        shown = {each.issue: each for each in followed.findings}
        here = {flaw for _, _, flaw in self.all_flaws()}
        for each in followed.findings:
            flaw = flaws.get(each.id) if each.standing != "carried" else None
            if flaw is None or flaw.double:
                continue
            known = self.issues_of.setdefault(flaw, set())
            if each.standing == "new":
                assert {states[id] for id in known} <= {"dismissed"}, "it is new once, wherever it moves"
                assert all(abs(lines[id] - (each.line or 0)) > NEAR for id in known), "what is near is withheld"
                known.add(each.issue)
            assert each.issue in known
            assert (each.decision == "withheld") is (states.get(each.issue) == "dismissed")
            assert each.decision != "withheld" or all(states[id] != "open" for id in known), "it is open as well"
        resolved = {each.issue for each in followed.resolved}
        for flaw, ids in self.issues_of.items():
            still_open = {id for id in ids if states.get(id) == "open"}
            if flaw in here:
                # Under several ids it is told as one of them, and the others are gone.
                assert not still_open or not ids.isdisjoint(shown), "what is still there is not called gone"
                assert len(ids) > 1 or ids.isdisjoint(resolved)
            else:
                assert still_open & resolved == {id for id in still_open if reporters[id] <= present}
                assert still_open - resolved == ids & shown.keys()

    def check_doubles(self, before: History, followed: Followed, decided: tuple[DecidedFinding, ...]) -> None:
        """As many are new as there are more than before."""
        for path in self.files:
            both = {path, self.renamed.get(path, path)}
            were = sum(each.path in both and each.message == DOUBLE and each.state == "open" for each in before.issues)
            are = sum(each.path == path and each.message == DOUBLE for each in decided)
            new = [f for f in followed.findings if f.path == path and f.message == DOUBLE and f.standing == "new"]
            known = [f for f in followed.findings if f.path == path and f.message == DOUBLE and f.standing == "known"]
            assert len(new) + len(known) == are
            assert len(new) <= max(0, are - were)
            withheld = sum(each.decision == "withheld" for each in (*new, *known))
            assert withheld <= sum(each.path in both and each.state == "dismissed" for each in before.issues)

    def check_nothing_that_is_open_is_withheld(
        self, before: History, followed: Followed, flaws: dict[str, Flaw]
    ) -> None:
        """Whatever else is dismissed: what was told of a line and stands in it still is told again."""
        places = {each.id: (each.path, each.line) for each in before.issues if each.state == "open"}
        for each in followed.findings:
            flaw = flaws.get(each.id) if each.standing != "carried" else None
            if flaw is None:
                continue
            path, line, id = self.told.get(flaw, ("", 0, ""))
            if (each.path, each.line) == (path, line) == places.get(id):
                assert each.decision != "withheld"
            self.told[flaw] = (each.path, each.line or 0, each.issue)

    @invariant()
    def the_history_keeps_its_bounds(self) -> None:
        assert len(self.history.encode()) <= MAX_BYTES
        assert len({each.id for each in self.history.issues}) == len(self.history.issues)


TestSeries = Series.TestCase
TestSeries.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)


@given(
    flaws=st.lists(st.tuples(st.booleans(), st.integers(1, 30)), min_size=1, max_size=8),
    shift=st.integers(-5, 5),
)
@settings(deadline=None)
def test_a_file_that_was_renamed_without_a_word_is_followed(flaws: list[tuple[bool, int]], shift: int) -> None:
    """Its other lines may have changed a little; what stands in it is word for word the same."""
    lines = list(itertools.accumulate(step for _, step in flaws))
    messages = [DOUBLE if double else f"The name `name_{n}` is not used" for n, (double, _) in enumerate(flaws)]

    def review(path: str, by: int) -> tuple[tuple[DecidedFinding, ...], Looked]:
        found = [finding(text, line + 10 + by, path=path) for text, line in zip(messages, lines, strict=True)]
        paths = frozenset({path, "other.py"})
        return numbered(found), Looked({"bandit": paths}, paths, frozenset({"bandit"}))

    first = follow(history(), *review("old.py", 0), "c1")
    before = record(history(), first.findings, first.resolved, "t1", "c1", 1)
    second = follow(before, *review("new.py", shift), "c2")
    assert {each.standing for each in second.findings} == {"known"}
    assert second.resolved == ()
    assert [each.issue for each in second.findings] == [each.issue for each in first.findings]


@given(
    texts=st.lists(st.text(min_size=1, max_size=2_000), min_size=1, max_size=40, unique=True),
    room=st.integers(3_000, 20_000),
)
@settings(deadline=None, max_examples=50)
def test_a_history_fits_into_any_room(texts: list[str], room: int) -> None:
    findings = numbered(finding(text, line + 1, agents=["bandit", "ruff"]) for line, text in enumerate(texts))
    followed = follow(history(), findings, Looked({}, frozenset(), frozenset()), "c1")
    after = record(history(), followed.findings, (), "t1", "c1", 1, max_bytes=room)
    assert len(after.encode()) <= room
    assert after.recorded == ("t1",)
