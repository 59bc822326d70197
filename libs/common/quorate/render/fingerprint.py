"""The fingerprints by which GitHub knows a result again when its line has moved.

GitHub reads one of the partial fingerprints of SARIF, ``primaryLocationLineHash``. Its upload action computes it from
the checked-out file, warns about each result that comes with another value, and takes the first line for a result
without one. So the same value is computed here: for whoever uploads without the action, with no warning for whoever
uses it. The algorithm, as the action's fingerprints.ts has it: the 100 UTF-16 units from the start of the line on,
without tabs and spaces and with one unit for each line end, as digits of a number to the base 37, modulo 2 to the
64th; then a colon, and how many lines of the file had this number up to this one. After the end of the file come one
unit 0xFFFF, then zeros.
"""

import re
from itertools import accumulate

_BLOCK = 100
_BASE = 37
_WIDTH = 1 << 64
_SHIFT = pow(_BASE, _BLOCK, _WIDTH)
_LINE_END = 0x0A
_END = 0xFFFF
_BLANK = re.compile(r"[ \t]")


def line_hashes(content: str) -> list[str]:
    """The fingerprint of each line of a file, the first line's first."""
    # The line ends come first: a blank between a carriage return and a line feed makes two ends of them.
    text = _BLANK.sub("", content.replace("\r\n", "\n").replace("\r", "\n"))
    units = _units(text)
    starts = [0, *(at for at, unit in enumerate(units, start=1) if unit == _LINE_END)]
    units += [_END, *([0] * _BLOCK)]
    # The number of all units up to each place: that of a block is the difference of two of them.
    totals = [0, *accumulate(units, lambda total, unit: (total * _BASE + unit) % _WIDTH)]
    seen: dict[int, int] = {}
    hashes = []
    for start in starts:
        number = (totals[start + _BLOCK] - totals[start] * _SHIFT) % _WIDTH
        seen[number] = seen.get(number, 0) + 1
        hashes.append(f"{number:x}:{seen[number]}")
    return hashes


def _units(text: str) -> list[int]:
    # This encoding has the machine's order of bytes, and begins with a mark that tells it.
    return list(memoryview(text.encode("utf-16", "surrogatepass")).cast("H"))[1:]
