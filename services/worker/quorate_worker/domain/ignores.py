"""Comments by which a change's author dismisses findings: ``# quorate: ignore[S105] the key of a test``.

A comment stands on the first or the last line of what it speaks of, or alone on the line above. In brackets are
rules, agents, or both as ``agent:rule``; without brackets it speaks of all. A change must not silence its
reviewers: what is dismissed stays as a note that gives the reason, and without a reason it counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from quorate.contract.finding import Finding

MAX_PER_LINE = 16
"""Most comments of one line that are read."""

_MAX_REASON = 200
_MAX_READ = 1_000  # characters behind the mark, among which the reason is looked for
_MAX_INDENT = 400  # characters before a mark that is alone on its line
_MAX_MESSAGE = 8_000  # of a finding
_MARK = re.compile(r"quorate:[ \t]{0,8}ignore(?:\[([^\[\]\n]{1,500})\]|(?![\w\[]|-\w))")
_COMMENT = re.compile(r"(<!--|/\*\*?|\{#|#|//!?|--|;)[ \t]{0,8}\Z")
_ENDS = {"<!--": "-->", "/*": "*/", "/**": "*/", "{#": "#}"}
_LONGEST_BEGINNING = 12
_NEXT = "quorate:"
_PUNCTUATION = " \t\r#/*-;!<>{}%"  # of comments


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: the names in its brackets in lower case (none: it speaks of all), its reason ("" without one),
    and whether its line holds nothing else."""

    names: frozenset[str]
    reason: str
    alone: bool

    def speaks_of(self, finding: Finding, agent: str) -> bool:
        rule, agent = finding.rule.lower(), agent.lower()
        return not self.names or not self.names.isdisjoint((rule, agent, f"{agent}:{rule}"))


class Ignores:
    """The comments of one file, by line; lines end at "\n" only. Takes time in proportion to the text's length."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._marks: dict[int, list[tuple[re.Match[str], int]]] = {}  # each with the position where its line begins
        line, start, counted = 1, 0, 0
        for mark in _MARK.finditer(text) if _NEXT in text else ():
            newlines = text.count("\n", counted, mark.start())
            if newlines:
                line += newlines
                start = text.rfind("\n", counted, mark.start()) + 1
            counted = mark.start()
            marks = self._marks.setdefault(line, [])
            if len(marks) < MAX_PER_LINE:
                marks.append((mark, start))

    def about(self, finding: Finding, agent: str) -> Ignore | None:
        """The comment that speaks of a finding; of several rather one with a reason."""
        if finding.line is None:
            return None
        near = [ignore for ignore in self._of(finding.line - 1) if ignore.alone]
        for line in {finding.line, finding.end_line or finding.line}:
            near += self._of(line)
        said = [ignore for ignore in near if ignore.speaks_of(finding, agent)]
        return max(said, key=lambda ignore: bool(ignore.reason), default=None)

    def _of(self, line: int) -> Iterator[Ignore]:
        text, marks = self._text, self._marks.get(line, [])
        begins = False  # whether nothing but a comment's beginning stands before the first of them
        for at, (mark, start) in enumerate(marks):
            if at == 0 and mark.start() - start < _MAX_INDENT:
                begins = not text[start : mark.start()].strip(_PUNCTUATION)
            comment = _COMMENT.search(text[max(mark.start() - _LONGEST_BEGINNING, start) : mark.start()])
            names = frozenset(filter(None, (name.strip().lower() for name in (mark[1] or "").split(","))))
            if comment is None or (mark[1] is not None and not names):
                continue
            rest = text[mark.end() : mark.end() + _MAX_READ].partition("\n")[0].partition(_NEXT)[0]
            said, _, code = rest.partition(_ENDS.get(comment[1], "\n"))
            yield Ignore(names, _reason(said), begins and not code.strip(_PUNCTUATION))


def with_ignore(finding: Finding, ignore: Ignore) -> Finding:
    """The finding as a mere note that gives the reason; as it was, and saying why, if there is no reason."""
    if not ignore.reason:
        return _noted(finding, " (its `quorate: ignore` gives no reason, so it counts)")
    reason = ignore.reason
    if finding.category == "secrets":
        # The comment shares a line with the secret, and may hold it: what is like one is not repeated.
        reason = " ".join("…" if len(word) > 20 or re.search(r"\d", word) else word for word in reason.split(" "))
    note = f" (dismissed in the code by `quorate: ignore`: {reason})"
    return _noted(finding.model_copy(update={"severity": "info", "dismissed": True, "fix": None}), note)


def _noted(finding: Finding, note: str) -> Finding:
    return finding.model_copy(update={"message": finding.message[: _MAX_MESSAGE - len(note)] + note})


def _reason(said: str) -> str:
    """One printable line, "" if there is not a letter or digit in it."""
    if not any(map(str.isalnum, said)):
        return ""
    printable = "".join(char if char.isprintable() else " " for char in said)
    return " ".join(printable.strip(_PUNCTUATION + ":–—").split())[:_MAX_REASON]
