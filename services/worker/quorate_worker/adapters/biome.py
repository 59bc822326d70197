"""The agent `biome`: defects and risks in JavaScript, TypeScript, JSON and CSS, by biome's rules."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from quorate.contract.finding import Finding, Severity
from quorate.contract.fix import Fix
from quorate_worker.adapters.alone import all_or_alone
from quorate_worker.adapters.analysis import Analysis, clean
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.deafness import Copies, Left, countdown, deaf_and_heard, deafened
from quorate_worker.adapters.edits import ColumnEdit, fix_of
from quorate_worker.adapters.process import ToolFailed, ToolFlooded, ToolTimeout
from quorate_worker.adapters.program import Program
from quorate_worker.adapters.rules import Rule, judge
from quorate_worker.adapters.selection import Selection
from quorate_worker.adapters.workspace import Workspace

SUFFIXES = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".json", ".jsonc", ".css"})

MAX_BYTES = 1024 * 1024
"""It says nothing of larger files, so they are not put before it."""
MAX_MEAN_LINE = 300
"""Characters a line, on average: nobody writes so, and each finding in a long line costs it more time."""
_SMALL = 5_000
ALONE_S = 20.0
"""For a file that is put before it by itself. With many findings its time grows with their square."""

# Its recommended rules, less those about how code is worded: style and complexity, and of the others what type
# checkers, bundlers and frameworks know better.
_CONFIG = {
    "root": True,
    "vcs": {"enabled": False},
    "files": {"includes": ["**"], "maxSize": 2 * MAX_BYTES},
    "formatter": {"enabled": False},
    "assist": {"enabled": False},
    "javascript": {"parser": {"unsafeParameterDecoratorsEnabled": True}},
    "json": {"parser": {"allowComments": True, "allowTrailingCommas": True}},
    "css": {"parser": {"cssModules": True, "tailwindDirectives": True}},
    "linter": {
        "rules": {
            "preset": "recommended",
            "style": {"preset": "none"},
            "complexity": {"preset": "none"},
            "correctness": {
                "noUnusedFunctionParameters": "off",
                "noUnknownTypeSelector": "off",
                "noSwitchDeclarations": "off",
            },
            "security": {"noDangerouslySetInnerHtml": "on", "noDangerouslySetInnerHtmlWithChildren": "on"},
            "suspicious": {
                "noConfusingVoidType": "off",
                "noConstEnum": "off",
                "noEmptyInterface": "off",
                "noExplicitAny": "off",
                "noRedundantUseStrict": "off",  # it takes every `.js` for a module
                "noUnknownAtRules": "off",
                "noFocusedTests": "on",
            },
        },
        "domains": {"react": "none"},
    },
    # Elsewhere a function called `useX` is no hook of React.
    "overrides": [{"includes": ["**/*.jsx", "**/*.tsx"], "linter": {"domains": {"react": "recommended"}}}],
}

LEVELS: Mapping[str, tuple[Severity, float]] = {
    "ERROR": ("medium", 0.8),
    "WARNING": ("low", 0.7),
    "INFO": ("info", 0.7),
}

_BROKEN = "parse"

# The longest beginning of a rule decides; the level decides for a rule that is not among them.
RULES: dict[str, Rule] = {
    "": Rule("other", "low", 0.7),
    _BROKEN: Rule("bug", "high", 0.9),
    "lint/a11y/": Rule("other", "low", 0.7),
    "lint/complexity/": Rule("complexity", "low", 0.7),
    "lint/correctness/": Rule("bug", "medium", 0.8),
    "lint/correctness/noConstAssign": Rule("bug", "high", 0.95),
    "lint/correctness/noInvalidConstructorSuper": Rule("bug", "high", 0.9),
    "lint/correctness/noUnreachable": Rule("bug", "medium", 0.8, 561),
    "lint/correctness/noUnreachableSuper": Rule("bug", "high", 0.9),
    "lint/correctness/noUnsafeOptionalChaining": Rule("bug", "high", 0.8, 476),
    "lint/correctness/noUnusedImports": Rule("style", "low", 0.9),
    "lint/correctness/noUnusedLabels": Rule("style", "low", 0.9),
    "lint/correctness/noUnusedPrivateClassMembers": Rule("style", "low", 0.8),
    "lint/correctness/noUnusedVariables": Rule("style", "low", 0.6),
    "lint/correctness/useExhaustiveDependencies": Rule("bug", "low", 0.6),
    "lint/correctness/useHookAtTopLevel": Rule("bug", "high", 0.8),
    "lint/correctness/useIsNan": Rule("bug", "high", 0.9),
    "lint/correctness/useParseIntRadix": Rule("style", "low", 0.7),
    "lint/performance/": Rule("performance", "low", 0.7),
    "lint/security/": Rule("security", "medium", 0.7),
    "lint/security/noBlankTarget": Rule("security", "low", 0.7, 1022),
    "lint/security/noDangerouslySetInnerHtml": Rule("security", "medium", 0.6, 79),
    "lint/security/noGlobalEval": Rule("security", "high", 0.8, 95),
    "lint/security/noScriptUrl": Rule("security", "medium", 0.8, 79),
    "lint/style/": Rule("style", "low", 0.7),
    "lint/suspicious/": Rule("bug", "medium", 0.8),
    "lint/suspicious/noArrayIndexKey": Rule("bug", "low", 0.6),
    "lint/suspicious/noAssignInExpressions": Rule("bug", "low", 0.7, 481),
    "lint/suspicious/noControlCharactersInRegex": Rule("bug", "low", 0.6),
    "lint/suspicious/noDebugger": Rule("bug", "medium", 0.9, 489),
    "lint/suspicious/noDocumentCookie": Rule("style", "low", 0.6),
    "lint/suspicious/noDoubleEquals": Rule("bug", "low", 0.7),
    "lint/suspicious/noDuplicateProperties": Rule("bug", "low", 0.7),
    "lint/suspicious/noEmptyBlock": Rule("style", "low", 0.8),
    "lint/suspicious/noFallthroughSwitchClause": Rule("bug", "medium", 0.7, 484),
    "lint/suspicious/noFocusedTests": Rule("tests", "medium", 0.8),
    "lint/suspicious/noImplicitAnyLet": Rule("types", "low", 0.7),
    "lint/suspicious/noPrototypeBuiltins": Rule("bug", "low", 0.6),
    "lint/suspicious/noTemplateCurlyInString": Rule("bug", "low", 0.6),
    "lint/suspicious/noTsIgnore": Rule("types", "low", 0.8),
    "lint/suspicious/noUselessEscapeInString": Rule("style", "low", 0.8),
    "lint/suspicious/useDefaultSwitchClauseLast": Rule("style", "low", 0.8),
    "lint/suspicious/useIterableCallbackReturn": Rule("bug", "low", 0.7),
}
# What it would write there hides the problem.
_NO_FIX = frozenset({"lint/correctness/noUnusedVariables", "lint/correctness/noUnusedPrivateClassMembers"})

_DIRECTIVE = re.compile(r"(?:biome|rome)-ignore")
_FLOW = re.compile(r"@flow\b")
_DECLARATIONS = re.compile(r"\.d\.[cm]?ts$")


async def check(space: Workspace, timeout_s: float) -> Analysis:
    """Run biome deaf to the comments that direct it, and once more obeying them if there are any.

    It reads copies under other names: folders such as `node_modules` and files such as `package-lock.json` it would
    leave out, and a `biome.json` in any folder it would obey.
    """
    left = countdown(timeout_s)
    (space.home / "biome.json").write_text(json.dumps(_CONFIG), encoding="utf-8")
    refused = {path: why for path, text in space.files.items() if (why := refusal(path, text))}
    deaf = {path: deafened(text, _DIRECTIVE) for path, text in space.files.items() if path not in refused}
    if not deaf:
        return Analysis(unread=refused)

    async def run(texts: Mapping[str, str], folder: str) -> Analysis:
        return await _run(space, texts, folder, left)

    done = await deaf_and_heard(space.files, deaf, run, "biome-ignore")
    done.unread |= refused
    return done


def refusal(path: str, text: str) -> str | None:
    """Why a file is not put before biome; None if it is."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return f"it is larger than the {MAX_BYTES} bytes that are put before biome"
    data = PurePosixPath(path.lower()).suffix in (".json", ".jsonc")
    mean = len(text) // (text.count("\n") + 1)
    if not data and len(text) > _SMALL and mean > MAX_MEAN_LINE:
        return f"it looks minified: its lines have {mean} characters on average"
    return None


async def _run(space: Workspace, texts: Mapping[str, str], folder: str, left: Left) -> Analysis:
    copies = _copies(space, texts, folder)
    paths = {PurePosixPath(copy).name: path for copy, path in copies.paths.items()}
    argv = (
        *space.program,
        "lint",
        f"--config-path={space.home}",
        "--reporter=rdjson",
        "--max-diagnostics=none",
        "--colors=off",
    )

    async def diagnostics_of(names: Sequence[str]) -> list[dict[str, Any]]:
        # The slowest of many must leave time for the others.
        limit_s = min(left(), ALONE_S) if len(names) == 1 else left() / 2
        try:
            output = await space.run([*argv, *names], limit_s, name="biome")
        except (ToolTimeout, ToolFlooded) as error:
            if left() <= 0:
                raise
            raise ToolFailed("biome", f"gave up: {error}") from error
        try:
            found = json.loads(output.stdout)["diagnostics"] if output.code in (0, 1) else None
        except (ValueError, KeyError, TypeError):
            found = None
        if not isinstance(found, list):
            raise ToolFailed("biome", f"ended with code {output.code} and no report", output.stderr)
        nameless = [item for item in found if "path" not in item.get("location", {})]
        if nameless:
            raise ToolFailed("biome", "could not read a file", str(nameless[0].get("message")).encode())
        return found

    found, failed = await all_or_alone(list(copies.paths), diagnostics_of)
    by_path: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in found:
        by_path[paths[PurePosixPath(item["location"]["path"]).name]].append(item)
    done = Analysis(unread={copies.paths[name]: why for name, why in failed.items()})
    for path, items in by_path.items():
        _read(path, items, texts[path], space, done)
    return done


def _copies(space: Workspace, texts: Mapping[str, str], folder: str) -> Copies:
    """Under names that tell nothing but the language."""
    target = space.home / folder
    target.mkdir()
    paths: dict[str, str] = {}
    for number, (path, text) in enumerate(texts.items()):
        name = path.lower()
        declared = _DECLARATIONS.search(name)
        copy = target / f"{number}{declared.group() if declared else PurePosixPath(name).suffix}"
        copy.write_bytes(text.encode("utf-8", "replace"))
        paths[str(copy)] = path
    return Copies(target, paths)


def _read(path: str, items: list[dict[str, Any]], seen: str, space: Workspace, done: Analysis) -> None:
    """``seen`` is the text of the copy."""
    broken = [to_finding(path, item, space, fixable=False) for item in items if item["code"]["value"] == _BROKEN]
    first = min(broken, key=lambda finding: finding.line or 0, default=None)
    if first is not None:
        done.unread[path] = clean(f"syntax error in line {first.line}: {first.message}")
        # Flow adds types to JavaScript that only its own tools can read.
        if not _FLOW.search(space.files[path]):
            done.findings.append(first)
    for item in items:
        finding = to_finding(path, item, space, fixable=seen == space.files[path])
        # Behind a syntax error it guesses.
        if finding.rule != _BROKEN and (first is None or (finding.line or 0) < (first.line or 0)):
            done.findings.append(finding)


def to_finding(path: str, item: dict[str, Any], space: Workspace, *, fixable: bool) -> Finding:
    """One diagnostic of its report, which is in the Reviewdog Diagnostic Format, as a finding."""
    rule = str(item["code"]["value"])
    category, severity, confidence, cwe = judge(RULES, rule)
    if rule not in RULES and not rule.startswith("lint/a11y/"):
        severity, confidence = LEVELS.get(item.get("severity", ""), (severity, confidence))
    if rule == _BROKEN and path.lower().endswith(".css"):
        severity = "medium"  # what a browser does not understand, it skips
    start, end = item["location"]["range"]["start"], item["location"]["range"]["end"]
    # A range that ends before the first column of a line does not touch that line.
    last = end["line"] - (end["column"] == 1 and end["line"] > start["line"])
    text = space.files[path]
    # What it misses at the end of a file is on a line that a diff does not have.
    count = space.last_line(path)
    return Finding(
        path=path,
        line=min(space.line(path, max(start["line"], 1)), count),
        end_line=min(space.line(path, max(last, 1)), count),
        severity=severity,
        category=category,
        message=clean(str(item["message"]).strip()) or rule,
        rule=rule,
        confidence=confidence,
        cwe=cwe,
        fix=_fix(item.get("suggestions") or [], text) if fixable and rule not in _NO_FIX else None,
    )


def _fix(suggestions: list[dict[str, Any]], text: str) -> Fix | None:
    # It does not tell several steps from several choices, and counts a byte order mark as a column.
    if len(suggestions) != 1 or text.startswith("\ufeff"):
        return None
    start, end = suggestions[0]["range"]["start"], suggestions[0]["range"]["end"]
    edit = ColumnEdit(start["line"], start["column"], end["line"], end["column"], suggestions[0]["text"])
    return fix_of(text, [edit], safe=False)


BIOME = Analyzer(
    name="biome",
    description="Defects and risks in JavaScript, TypeScript, JSON and CSS, by biome's rules",
    homepage="https://biomejs.dev",
    program=Program(command="biome", install="npm install --global @biomejs/biome"),
    selection=Selection(noun="JavaScript, TypeScript, JSON or CSS file", suffixes=SUFFIXES),
    languages=("javascript", "typescript"),
    check=check,
    configuration=json.dumps(_CONFIG),
    batch=200,
    expected_s=0.2,
    rules=RULES,
    notes=(
        "Its recommended rules but for those of style and complexity; those for React are for `.jsx` and `.tsx` files. "
        "Errors are of medium severity and warnings of low, but for the rules listed. `biome-ignore` makes a finding a "
        "mere note, and no configuration of the change is obeyed. Minified files and those above 1 MiB are not read."
    ),
)
