"""What two layouts of the same code differ in: formatters, and versions of one, break lines in different places."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

_TOKEN = re.compile(r"(?P<gap>[ \t]*)(?P<token>\w+|[^\w\s])")
_COMPARED = 1_000
"""Lines of a file that are compared one by one, from the first to the last that differ; more of them differ enough."""

Tokens = list[tuple[str, str | None]]
"""Each with the blanks before it; None for the first of a line, and where parentheses were left out."""


def differs_by_more_than_breaks(old: Sequence[str], new: Sequence[str], width: int) -> bool:
    """Whether lines differ in blanks, in blank lines, or by lines over ``width`` characters that could be shorter.

    Where a line is broken, and the parentheses and the last comma that go with it, is left to each formatter.
    """
    if max(len(old), len(new)) > _COMPARED:
        return True
    # Lines that occur often are no anchors: else hostile ones take very long.
    for tag, first, last, new_first, new_last in SequenceMatcher(None, old, new, autojunk=True).get_opcodes():
        if tag != "equal" and _differ(old[first:last], new[new_first:new_last], width):
            return True
    return False


def _differ(old: Sequence[str], new: Sequence[str], width: int) -> bool:
    longest = max((len(line.rstrip()) for line in old), default=0)
    if longest > width and max((len(line.rstrip()) for line in new), default=0) < longest:
        return True
    if [line.strip() for line in old if line.strip()] == [line.strip() for line in new if line.strip()]:
        return True
    before, after = _tokens(old), _tokens(new)
    if [token for token, _ in before] != [token for token, _ in after]:
        before, after = _without_parentheses(before), _without_parentheses(after)
    if [token for token, _ in before] != [token for token, _ in after]:
        return True
    return any(
        one is not None and other is not None and one != other
        for (_, one), (_, other) in zip(before, after, strict=True)
    )


def _tokens(lines: Sequence[str]) -> Tokens:
    found: Tokens = []
    for line in lines:
        for number, match in enumerate(_TOKEN.finditer(line.rstrip())):
            token = match["token"]
            if token in ")]}" and found and found[-1][0] == ",":
                found.pop()
            found.append((token, match["gap"] if number else None))
    return found


def _without_parentheses(tokens: Tokens) -> Tokens:
    found: Tokens = []
    after = False
    for token, gap in tokens:
        if token in "()":
            after = True
            continue
        found.append((token, None if after else gap))
        after = False
    return found
