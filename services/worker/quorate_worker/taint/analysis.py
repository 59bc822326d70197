"""The analysis of one file, within bounds."""

import ast
import re
import warnings
from typing import NamedTuple

from quorate_worker.taint.entries import Entries
from quorate_worker.taint.machine import TooMuch
from quorate_worker.taint.report import Finding

MAX_BYTES = 2_000_000
MAX_NODES = 300_000

_SOURCES = re.compile(
    rb"[Rr]equest|input|argv|stdin|environ|getenv|argparse|socket|imaplib|poplib|cgi|getpass|REQUEST"
    rb"|flask|quart|django|fastapi|starlette|aiohttp|tornado|bottle|pyramid|werkzeug|sanic|falcon|litestar|cherrypy"
    rb"|webob|ninja|connexion|responder|robyn|blacksheep|import web|numpy"
    rb"|md5|sha1|hashlib|hmac|[Hh]ash|[Cc]ipher|random|[Cc]ookie|COOKIE|[Dd]es\b|[Aa]rc4"
    rb"|def \w*(?:message|on_|handle|process|consume|receive|callback)"
)
"""A file without any of these has no source, nor anything that is weak in itself."""


class Report(NamedTuple):
    """What was found in a file, and why the rest of it was not read, if so."""

    findings: list[Finding]
    unread: str | None


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
    nodes, global_names = survey(tree)
    if nodes > MAX_NODES:
        return Report([], f"more than {MAX_NODES:,} syntax nodes")
    machine = Entries(nodes)
    reason: str | None = None
    try:
        machine.analyze(tree, global_names)
    except TooMuch:
        reason = "takes too many steps to follow"
    except (RecursionError, MemoryError):
        reason = "nested too deeply"
    except Exception as error:
        # A defect of this program must not hide what it has to say of the other files.
        reason = f"the analysis failed ({type(error).__name__})"
    return Report(sorted(machine.findings.values()), reason)


def survey(tree: ast.AST) -> tuple[int, set[str]]:
    """How many nodes a tree has, and the names that its functions declare `global`."""
    count = 0
    names: set[str] = set()
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        count += 1
        for value in node.__dict__.values():
            if isinstance(value, ast.AST):
                stack.append(value)
            elif type(value) is list:
                stack += [item for item in value if isinstance(item, ast.AST)]
        if type(node) is ast.Global:
            names.update(node.names)
    return count, names
