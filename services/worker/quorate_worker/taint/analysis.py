"""The analysis of one file, within bounds."""

import ast
import re
import warnings
from typing import NamedTuple

from quorate_worker.taint.chances import harmless_chances
from quorate_worker.taint.clearances import Clearance, clearances
from quorate_worker.taint.entries import Entries
from quorate_worker.taint.machine import TooMuch
from quorate_worker.taint.report import Finding
from quorate_worker.taint.rules import RULES
from quorate_worker.taint.surroundings import survey

MAX_BYTES = 2_000_000
MAX_NODES = 300_000

_SOURCES = re.compile(
    rb"[Rr]equest|input|argv|stdin|environ|getenv|argparse|socket|imaplib|poplib|cgi|getpass|REQUEST"
    rb"|flask|quart|django|fastapi|starlette|aiohttp|tornado|bottle|pyramid|werkzeug|sanic|falcon|litestar|cherrypy"
    rb"|webob|ninja|connexion|responder|robyn|blacksheep|import web|numpy"
    rb"|md5|sha1|hashlib|hmac|[Hh]ash|[Cc]ipher|random|[Cc]ookie|COOKIE|[Dd]es\b|[Aa]rc4"
    rb"|subprocess|\.execute|pickle|marshal|yaml|urlopen|system\(|popen|eval\(|exec\(|Markup|mark_safe|fromstring"
    rb"|parseString|SELECT|INSERT|UPDATE|DELETE|select \*"
    rb"|def \w*(?:message|on_|handle|process|consume|receive|callback)"
)
"""A file without any of these has no source, nor anything that is weak in itself, or that others may suspect."""


class Report(NamedTuple):
    """What was found in a file, why the rest of it was not read, if so, and what is harmless in it."""

    findings: list[Finding]
    unread: str | None
    cleared: tuple[Clearance, ...] = ()


def analyze(text: str | bytes) -> Report:
    """Find the flows of one module. Never raises: a file that cannot be read has a reason instead."""
    if len(text) > MAX_BYTES:
        return Report([], f"larger than {MAX_BYTES:,} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        return Report([], f"not valid Python{where}")
    except ValueError:
        return Report([], "not valid Python: it has null bytes or cannot be decoded")
    except (RecursionError, MemoryError):
        return Report([], "nested too deeply")
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    # In another encoding the words may be written with other bytes.
    if not _SOURCES.search(raw) and b"coding" not in raw[:400]:
        return Report([], None)
    around = survey(tree)
    if around.nodes > MAX_NODES:
        return Report([], f"more than {MAX_NODES:,} syntax nodes")
    machine = Entries(around.nodes)
    reason: str | None = None
    cleared: tuple[Clearance, ...] = ()
    try:
        machine.analyze(tree, around)
        chances = harmless_chances(tree, machine.chances)
        number = RULES["weak-randomness"].cwe
        verdicts = machine.outcome() | {(number, call): why for call, why in chances.items()}
        cleared = tuple(clearances(verdicts, machine.texts, machine.findings.values()))
    except TooMuch:
        reason = "takes too many steps to follow"
    except (RecursionError, MemoryError):
        reason = "nested too deeply"
    except Exception as error:
        # A defect of this program must not hide what it has to say of the other files.
        reason = f"the analysis failed ({type(error).__name__})"
    return Report(sorted(machine.findings.values()), reason, cleared)
