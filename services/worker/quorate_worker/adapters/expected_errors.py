"""Code that is meant to fail: what stands below `with pytest.raises(...)` and its like is wrong on purpose."""

import re
from collections.abc import Sequence

_EXPECTS = re.compile(r"\s*(?:async\s+)?with\b.*\b(?:raises|assertRaises|assertRaisesRegex|assertRaisesMessage)\s*\(")
MAX_LINES = 500
"""How far up such a block is looked for."""

_ENDS = re.compile(r"\s*(?:async\s+def|def|class)\b")


def is_expected_to_fail(lines: Sequence[str], number: int) -> bool:
    """Whether a block around the line (from 1), within its function, expects an error. It goes by indentation."""
    if not 1 <= number <= len(lines):
        return False
    line = lines[number - 1]
    if _EXPECTS.match(line):
        return True
    indent = len(line) - len(line.lstrip())
    for at in range(number - 2, max(-1, number - 2 - MAX_LINES), -1):
        above = lines[at]
        outer = len(above) - len(above.lstrip())
        # A bracket that closes what is above begins no block.
        if outer >= indent or not above.strip() or above.lstrip()[0] in ")]}":
            continue
        if _EXPECTS.match(above):
            return True
        if outer == 0 or _ENDS.match(above):
            return False
        indent = outer
    return False
