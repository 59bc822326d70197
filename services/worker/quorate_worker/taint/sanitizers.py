"""What makes an untrusted value harmless, and for which rules."""

import re

from quorate_worker.taint.rules import FLOW_RULES
from quorate_worker.taint.values import GUESSED
from quorate_worker.taint.words import words

ALL = FLOW_RULES
_PATH = frozenset({"path-traversal"})
_URL = frozenset({"ssrf", "open-redirect"})
_HTML = frozenset({"xss"})
_SHELL = frozenset({"command-injection"})
_LINES = frozenset({"header-injection", "log-injection"})
_QUOTES = frozenset({"sql-injection", "xpath-injection", "code-injection", "ldap-injection"})

FUNCTIONS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        words(
            "int float bool complex len hash id ord isinstance issubclass callable type range round abs divmod hasattr"
            " uuid.UUID decimal.Decimal fractions.Fraction ipaddress.IPv4Network datetime.date.fromisoformat"
            " datetime.datetime.fromisoformat datetime.datetime.strptime datetime.datetime.fromtimestamp"
            " datetime.timedelta bson.ObjectId bson.objectid.ObjectId zlib.crc32 binascii.crc32 os.path.exists"
            " os.path.isfile os.path.isdir os.path.getsize os.path.getmtime os.stat hmac.compare_digest"
            " secrets.compare_digest hmac.new hmac.digest werkzeug.security.generate_password_hash"
            " werkzeug.security.check_password_hash django.contrib.auth.hashers.make_password bcrypt.hashpw"
            " flask.url_for django.urls.reverse time.time"
        ),
        ALL,
    ),
    **dict.fromkeys(
        words("ipaddress.ip_address ipaddress.ip_network ipaddress.IPv6Address"),
        # What follows the `%` of an IPv6 address is free text.
        (ALL - {"ssrf"}) | {GUESSED},
    ),
    "ipaddress.IPv4Address": ALL - {"ssrf"},
    "shlex.quote": _SHELL,
    "shlex.join": _SHELL,
    "pipes.quote": _SHELL,
    **dict.fromkeys(
        words(
            "html.escape markupsafe.escape flask.escape werkzeug.utils.escape django.utils.html.escape cgi.escape"
            " xml.sax.saxutils.escape xml.sax.saxutils.quoteattr bleach.clean nh3.clean markupsafe.Markup.escape"
            " django.utils.html.conditional_escape django.utils.html.format_html django.utils.html.strip_tags"
            " jinja2.escape tornado.escape.xhtml_escape bottle.html_escape django.utils.html.escapejs"
            " lxml.html.clean.clean_html"
            " django.utils.html.urlize"
        ),
        _HTML | {"log-injection"},
    ),
    "xml.sax.saxutils.escape": _HTML | {"xpath-injection"},
    "os.path.basename": _PATH,
    "ntpath.basename": _PATH,
    "posixpath.basename": _PATH,
    "werkzeug.utils.secure_filename": _PATH | _HTML | _SHELL,
    "werkzeug.secure_filename": _PATH | _HTML | _SHELL,
    "werkzeug.utils.safe_join": _PATH,
    "werkzeug.security.safe_join": _PATH,
    "flask.safe_join": _PATH,
    "django.utils._os.safe_join": _PATH,
    "django.utils.text.get_valid_filename": _PATH,
    "django.utils.text.slugify": ALL,
    "slugify.slugify": ALL,
    "pathvalidate.sanitize_filename": _PATH,
    **dict.fromkeys(
        words(
            "ldap.filter.escape_filter_chars ldap.filter.filter_format ldap.dn.escape_dn_chars"
            " ldap3.utils.conv.escape_filter_chars ldap3.utils.dn.escape_rdn"
        ),
        frozenset({"ldap-injection"}),
    ),
    "urllib.parse.quote": _HTML | _URL | _LINES | {"sql-injection", "xpath-injection"},
    "urllib.parse.quote_plus": _HTML | _URL | _LINES | _PATH | {"sql-injection", "xpath-injection"},
    "urllib.parse.urlencode": _HTML | _URL | _LINES | {"sql-injection"},
    "re.escape": frozenset({"code-injection"}),
    "repr": _LINES,
    "ascii": _LINES,
    "ast.literal_eval": frozenset({"code-injection", "deserialization"}),
    "str": frozenset({"nosql-injection"}),
    "psycopg2.sql.Identifier": frozenset({"sql-injection"}),
    "psycopg2.sql.Literal": frozenset({"sql-injection"}),
    "psycopg.sql.Identifier": frozenset({"sql-injection"}),
    "psycopg.sql.Literal": frozenset({"sql-injection"}),
    "sqlalchemy.bindparam": frozenset({"sql-injection"}),
}
"""By the name of a function: the rules that its result cannot break."""

UNDONE: dict[str, frozenset[str]] = {
    "html.unescape": _HTML,
    "urllib.parse.unquote": FUNCTIONS["urllib.parse.quote_plus"],
    "urllib.parse.unquote_plus": FUNCTIONS["urllib.parse.quote_plus"],
    "xml.sax.saxutils.unescape": FUNCTIONS["xml.sax.saxutils.escape"],
}
"""Functions that take a protection away again."""

HASHES = ("hashlib.", "Crypto.Hash.", "Cryptodome.Hash.", "cryptography.hazmat.primitives.hashes.")

NAMED: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (
        re.compile(
            r"(?:escape|sanitiz|sanitis|encode|clean|strip).*(?:html|xss|markup|js|javascript)|html_?escape|xss_?clean"
        ),
        _HTML,
    ),
    (
        re.compile(r"(?:escape|sanitiz|sanitis|encode|quote).*(?:sql|identifier)|sql_?escape|quote_(?:ident|name)"),
        frozenset({"sql-injection"}),
    ),
    (re.compile(r"(?:escape|sanitiz|sanitis|encode).*(?:ldap|filter|dn)|ldap_?escape"), frozenset({"ldap-injection"})),
    (re.compile(r"(?:escape|sanitiz|sanitis|encode).*xpath|xpath_?escape"), frozenset({"xpath-injection"})),
    (re.compile(r"(?:escape|sanitiz|sanitis|quote).*(?:shell|arg|cmd|command)|shell_?(?:escape|quote)"), _SHELL),
    (re.compile(r"(?:sanitiz|sanitis|secure|safe|clean|valid).*(?:path|file)|safe_?join"), _PATH),
    (re.compile(r"(?:sanitiz|sanitis|safe|clean|valid|check).*(?:url|redirect|host)"), _URL),
)
"""Names by which a function of unknown code says that it protects, in lower case."""

CHECKS = re.compile(
    r"(?:^|_|\.)(?:is_?|has_?|check_?)?(?:safe|valid|allowed|permitted|trusted|whitelisted|allowlisted|same_origin)(?:_|$)"
    r"|url_has_allowed_host_and_scheme|is_safe|is_valid|is_allowed|allowed_file"
)
"""Names of unknown functions whose true answer says that their argument may be used."""

PURE_TEXT_CHECKS = words("isdigit isalnum isnumeric isdecimal isidentifier isalpha")
"""Methods of text that answer true for nothing harmful."""

UNTAINTED_METHODS = words(
    "startswith endswith isdigit isalnum isnumeric isdecimal isidentifier isalpha isspace isupper islower count"
    " find rfind index rindex exists is_file is_dir is_absolute is_relative_to __len__ __contains__ bit_length"
    " total_seconds timestamp toordinal weekday"
)
"""Methods whose result says too little of an untrusted value to carry it."""


def by_name(name: str) -> frozenset[str]:
    """The rules that a function of unknown code protects from, going by its name."""
    lowered = name.rpartition(".")[2].lower()[:80]
    safe: frozenset[str] = frozenset()
    if not any(
        hint in lowered
        for hint in ("esc", "saniti", "clean", "quote", "safe", "valid", "secur", "encode", "strip", "check")
    ):
        return safe
    for pattern, rules in NAMED:
        if pattern.search(lowered):
            safe |= rules
    if not safe and re.search(r"^(?:sanitiz|sanitis|escape)", lowered):
        return ALL
    return safe


def substring_check(text: str) -> frozenset[str]:
    """The rules that a value without this text in it cannot break."""
    safe: frozenset[str] = frozenset()
    if ".." in text or text in {"/", "\\"}:
        safe |= _PATH
    if text in {"'", '"'}:
        safe |= _QUOTES - {"ldap-injection"}
    if text in {"//", "://", "/"}:
        safe |= _URL
    if text in {"\n", "\r", "\r\n"}:
        safe |= _LINES
    if text == "<":
        safe |= _HTML
    if text in {"(", "*", ")"}:
        safe |= frozenset({"ldap-injection"})
    return safe


def replacement(text: str) -> frozenset[str]:
    """The rules that a value cannot break after every one of this text in it was replaced."""
    if text in {"'", '"'}:
        return frozenset({"xpath-injection"})
    if text in {"\n", "\r", "\r\n"}:
        return _LINES
    if text == "<":
        return _HTML
    if text == "/":
        return _PATH
    return frozenset()


_PERMISSIVE = re.compile(r"(?<!\\)(?:\\\\)*(?:\.[*+{]|\\[SWD][*+{])|\[\^")
_CLASS = re.compile(r"\[([^\]]*)\]")


def pattern_check(pattern: str | None, whole: bool) -> frozenset[str]:
    """The rules that a value cannot break which matches a pattern; `whole` says that all of it must match."""
    if pattern is None:
        return ALL if whole else frozenset()
    anchored = whole or pattern.endswith(("$", r"\Z"))
    if not anchored or len(pattern) > 400:
        return frozenset()
    outside = _CLASS.sub("", pattern)
    if _PERMISSIVE.search(outside) or "[^" in pattern:
        host = re.match(r"\^?https?\??:(?://|\\/\\/)[\w\\.-]+(?:/|\\/)", pattern)
        return _URL if host and "[^" not in pattern[: host.end()] else frozenset()
    safe = ALL
    for group in _CLASS.findall(pattern):
        if "/" in group and "." in group:
            safe -= _PATH
        if "'" in group or '"' in group:
            safe -= _QUOTES
        if "<" in group:
            safe -= _HTML
        if any(character in group for character in ";|&$`"):
            safe -= _SHELL
        if "(" in group:
            safe -= {"code-injection", "ldap-injection"}
        if "/" in group:
            safe -= _URL
    return safe
