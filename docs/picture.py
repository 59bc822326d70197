"""Draws what a review looks like on a terminal: `python docs/picture.py [--check]` writes docs/images/review.svg.

The picture is the output of a real review of the example change, in its colours. With ``--check`` nothing is written,
and the exit code is 1 when a review now says something else than the picture; how long it took may differ.
"""

import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from quorate.render.terminal import cells

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "review.svg"
PATCH = "examples/change.patch"
COMMAND = ("quorate", "review", "--patch", PATCH, "--fail-on", "never")
COLUMNS = 100
MAX_ROWS = 42
"""Without scrolling, about. A longer output is cut before what stands at its end, from the table of agents on."""
LIMIT_S = 120

CELL = 8.4
LEADING = 20
SIZE = 14
MARGIN = 22
BAR = 38

SGR = re.compile(r"\x1b\[([\d;]*)m")
TIMES = re.compile(r"\d+ min \d+ s|\d+(?:\.\d)? s(?=\b)")
STYLE = f"""
text {{ font: {SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
 fill: #d7dde5; white-space: pre; }}
.b {{ font-weight: 700; }} .d {{ fill: #8b97a5; }} .r {{ fill: #ff7b72; }} .g {{ fill: #6fdc8c; }}
.y {{ fill: #e9b949; }} .c {{ fill: #6cb6ff; }} .w {{ fill: #ffffff; }}
"""
CLASSES = {"1": "b", "2": "d", "31": "r", "32": "g", "33": "y", "36": "c", "37": "w"}
GROUNDS = {"41": "#a4161a"}


@dataclass(frozen=True)
class Run:
    """Text in one colour, from a column on."""

    column: int
    text: str
    codes: tuple[str, ...]

    @property
    def width(self) -> int:
        return cells(self.text)


def review() -> str:
    """What the command prints on a terminal, run where no settings of a user and no running system are found."""
    terminal, screen = pty.openpty()
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        running = subprocess.Popen(
            [str(ROOT / part) if part == PATCH else part for part in COMMAND],
            cwd=folder,
            env={"PATH": path, "HOME": folder, "LC_ALL": "C.UTF-8", "TERM": "xterm", "COLUMNS": str(COLUMNS)},
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=subprocess.DEVNULL,
        )
        os.close(screen)
        output = b"".join(_screen(terminal))
        code = running.wait(LIMIT_S)
    if code != 0 or b"incomplete" in output.partition(b"\n")[0]:
        raise SystemExit(f"the review ended with {code}, or without some agents: run `{' '.join(COMMAND)}` to see why")
    return output.decode().replace("\r\n", "\n")


def _screen(terminal: int) -> Iterator[bytes]:
    # A terminal whose other side is closed reads as an error on Linux, and as nothing elsewhere.
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [], LIMIT_S)[0] and (data := os.read(terminal, 65_536)):
            yield data
    os.close(terminal)


def cut(lines: list[str]) -> list[str]:
    """The lines, or their beginning and their end with a word on how many are between."""
    if len(lines) <= MAX_ROWS:
        return lines
    plain = [SGR.sub("", line) for line in lines]
    end = plain.index("Who looked") if "Who looked" in plain else len(lines) - MAX_ROWS // 2
    begin = max(MAX_ROWS - (len(lines) - end) - 3, 1)
    # At the end of a finding rather than within it.
    begin = next((at for at in range(begin, 0, -1) if not plain[at]), begin)
    return [*lines[:begin], "", f"\x1b[2m⋮  {end - begin - 1} more lines\x1b[0m", "", *lines[end:]]


def runs(line: str) -> Iterator[Run]:
    """The parts of a line, each in its colour."""
    column = 0
    codes: tuple[str, ...] = ()
    for at, part in enumerate(SGR.split(line)):
        if at % 2:
            codes = () if part in {"", "0"} else tuple(part.split(";"))
        elif part:
            yield Run(column, part, codes)
            column += cells(part)


def picture(output: str) -> str:
    """The output in the frame of a terminal, as SVG that asks for nothing but a monospaced font of the system."""
    command = f"\x1b[32m$\x1b[0m \x1b[1m{' '.join(COMMAND)}\x1b[0m"
    lines = [command, "", *cut(output.rstrip("\n").split("\n"))]
    width = round(COLUMNS * CELL + 2 * MARGIN)
    height = BAR + len(lines) * LEADING + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'role="img" aria-labelledby="title">',
            f'<title id="title">A terminal: {escape(" ".join(COMMAND))}</title>',
            f"<style>{STYLE}</style>",
            f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="11" fill="#12161c" stroke="#343c47"/>',
            *(
                f'<circle cx="{MARGIN + 20 * at}" cy="21" r="6" fill="{color}"/>'
                for at, color in enumerate(("#ff5f57", "#febc2e", "#28c840"))
            ),
            *(row for number, line in enumerate(lines) for row in _row(number, line)),
            "</svg>",
            "",
        ]
    )


def _row(number: int, line: str) -> Iterator[str]:
    parts = [run for run in runs(line) if run.text.strip()]
    if not parts:
        return
    y = BAR + (number + 1) * LEADING - 5
    spans = []
    for run in parts:
        x = MARGIN + run.column * CELL
        for code in run.codes:
            if code in GROUNDS:
                yield (
                    f'<rect x="{x - 3:g}" y="{y - 15}" width="{run.width * CELL + 6:g}" height="{LEADING}" rx="4" '
                    f'fill="{GROUNDS[code]}"/>'
                )
        kind = " ".join(CLASSES[code] for code in run.codes if code in CLASSES)
        colored = f' class="{kind}"' if kind else ""
        # Whatever font the reader has, a column is as wide as in the frame: without this, tables would lean.
        spans.append(
            f'<tspan x="{x:.4g}" textLength="{run.width * CELL:.4g}"{colored}>{escape(run.text, quote=False)}</tspan>'
        )
    yield f'<text y="{y}">{"".join(spans)}</text>'


def without_times(drawn: str) -> str:
    """The picture but for how long things took, and for where words stand because of it."""
    placeless = re.sub(r' (?:x|textLength)="[^"]*"', "", drawn)
    return re.sub(r"[ \u00a0]+", " ", TIMES.sub("N s", placeless))


def main(check: bool) -> int:
    drawn = picture(review())
    known = PICTURE.read_text(encoding="utf-8") if PICTURE.is_file() else ""
    if without_times(known) == without_times(drawn):
        return 0
    if not check:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(drawn, encoding="utf-8")
    sys.stdout.write(f"{'not current' if check else 'written'}: {PICTURE.relative_to(ROOT)}\n")
    return 1 if check else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
