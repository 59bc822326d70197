"""The weaknesses that the analyzer knows: their names, numbers, severities and advice."""

from typing import NamedTuple

from quorate_worker.taint.words import words

VERSION = "2"
"""Changes when the same code may get other findings."""


class Rule(NamedTuple):
    """A weakness. `cwe` is its number in the Common Weakness Enumeration; `severity` is that of a sure finding."""

    title: str
    cwe: int
    severity: str
    advice: str


RULES: dict[str, Rule] = {
    "sql-injection": Rule("SQL injection", 89, "high", "pass it as a parameter of the query instead"),
    "command-injection": Rule(
        "Command injection",
        78,
        "high",
        "give the program a list of arguments and no shell, or quote it with shlex.quote",
    ),
    "code-injection": Rule(
        "Code injection", 94, "high", "do not execute it; use ast.literal_eval or a table of choices"
    ),
    "path-traversal": Rule(
        "Path traversal", 22, "high", "resolve the path and check that it stays within its folder before using it"
    ),
    "deserialization": Rule(
        "Unsafe deserialization", 502, "high", "use JSON or a safe loader, which builds only plain data"
    ),
    "ssrf": Rule("Server-side request forgery", 918, "high", "check the host against a list of allowed ones first"),
    "template-injection": Rule(
        "Template injection", 1336, "high", "keep the template constant and pass the value as a variable of it"
    ),
    "xss": Rule(
        "Cross-site scripting", 79, "high", "escape it (markupsafe.escape) or render it by an autoescaping template"
    ),
    "ldap-injection": Rule("LDAP injection", 90, "high", "escape it with ldap.filter.escape_filter_chars"),
    "xpath-injection": Rule("XPath injection", 643, "high", "pass it as a variable of the XPath expression instead"),
    "nosql-injection": Rule(
        "NoSQL injection", 943, "high", "convert it to a string or number before it becomes part of a query"
    ),
    "xxe": Rule("XML external entities", 611, "high", "parse it with external entities off, or with defusedxml"),
    "open-redirect": Rule(
        "Open redirect", 601, "medium", "redirect only to paths of this site or to a list of allowed hosts"
    ),
    "weak-hash": Rule(
        "Weak hash", 328, "medium", "use SHA-256 or better, or say usedforsecurity=False where it is no protection"
    ),
    "weak-cipher": Rule("Weak cipher", 327, "high", "use AES in an authenticated mode such as GCM"),
    "weak-randomness": Rule(
        "Predictable random value", 330, "medium", "use the module secrets for what must not be guessed"
    ),
    "insecure-cookie": Rule("Cookie sent without encryption", 614, "low", "set it with secure=True"),
    "script-readable-cookie": Rule("Cookie readable by scripts", 1004, "low", "set it with httponly=True"),
    "trust-boundary": Rule("Trust boundary violation", 501, "medium", "validate it before it is kept in the session"),
    "header-injection": Rule("Header injection", 113, "low", "remove line breaks from it first"),
    "log-injection": Rule("Log injection", 117, "low", "remove line breaks from it, or log its repr"),
}

FLOW_RULES: frozenset[str] = frozenset(RULES) - {
    "weak-hash",
    "weak-cipher",
    "weak-randomness",
    "insecure-cookie",
    "script-readable-cookie",
}
"""The rules about untrusted values that reach a sink."""


class Strength(NamedTuple):
    """How far a kind of source is trusted to be an attacker's: a confidence, and steps off the severity."""

    confidence: float
    lower: int


STRENGTHS: dict[str, Strength] = {
    "remote": Strength(0.9, 0),
    "random": Strength(0.85, 0),
    "local": Strength(0.5, 2),
    "network": Strength(0.4, 1),
    "environment": Strength(0.3, 2),
    "parameter": Strength(0.4, 1),
}
"""By the kind of a source: a request, `random`, the command line, a reply, the environment, any parameter."""

_OWN_CHOICE = words(
    "path-traversal ssrf log-injection header-injection open-redirect xss xxe trust-boundary nosql-injection"
)
HARMLESS: dict[str, frozenset[str]] = {
    "local": _OWN_CHOICE,
    "environment": _OWN_CHOICE,
    "network": frozenset({"log-injection", "header-injection", "trust-boundary"}),
}
"""By the kind of a source: the rules that say nothing of it. Who starts a program may choose its files."""

SEVERITIES = ("info", "low", "medium", "high", "critical")
