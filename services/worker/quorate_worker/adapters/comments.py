"""What comments in Python say of bandit's tests, whichever tool they are for: ruff's S rules are those tests."""

import re
from collections.abc import Iterable

_NOSEC = re.compile(r"#\s*nosec\b:?\s*([^#\n\r]*)")
_TEST = re.compile(r"\bB\d{3}\b|\b[a-z]+(?:_[a-z0-9]+)+\b")
_NOQA = re.compile(r"#\s*noqa\s*:\s*([A-Z][A-Z0-9, \t]*)", re.IGNORECASE)


def dismissing(text: str, tests: Iterable[str], names: Iterable[str] = ()) -> str | None:
    """The comment in these lines that speaks of one of these tests (``B324``): ``nosec``, ``noqa`` or none.

    ``nosec`` speaks of all tests, or of those that it names, by id or by one of the ``names``. ``noqa`` has to name
    ruff's rule: alone it is about style for whoever does not use ruff's S rules.
    """
    wanted = {*tests}
    known = wanted | {*names}
    for comment in _NOSEC.finditer(text):
        listed = _TEST.findall(comment[1])
        if not listed or not known.isdisjoint(listed):
            return "nosec"
    rules = {f"S{test[1:]}" for test in wanted}
    for comment in _NOQA.finditer(text):
        if not rules.isdisjoint(comment[1].upper().replace(",", " ").split()):
            return "noqa"
    return None
