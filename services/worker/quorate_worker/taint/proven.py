"""What surely makes any value harmless, even one of which nothing is known; narrower than what ends a flow."""

from quorate_worker.taint.values import NOTHING_SAFE, SURE_TEXT
from quorate_worker.taint.words import words

_SHELL = frozenset({"command-injection"})
_HTML = frozenset({"xss"})

FUNCTIONS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        words(
            "int float bool complex len hash id ord isinstance issubclass callable abs round divmod hasattr uuid.UUID"
            " uuid.uuid1 uuid.uuid4 decimal.Decimal fractions.Fraction datetime.date.fromisoformat time.time"
            " datetime.datetime.fromisoformat datetime.timedelta zlib.crc32 binascii.crc32 os.path.exists"
            " os.path.isfile os.path.isdir os.path.getsize os.path.getmtime hmac.compare_digest os.getpid os.cpu_count"
            " secrets.compare_digest secrets.token_hex secrets.token_urlsafe ipaddress.IPv4Address os.getuid"
            " time.monotonic time.perf_counter time.time_ns secrets.randbelow bson.ObjectId bson.objectid.ObjectId"
        ),
        SURE_TEXT,
    ),
    "shlex.quote": _SHELL,
    "shlex.join": _SHELL,
    "pipes.quote": _SHELL,
    **dict.fromkeys(
        words(
            "html.escape markupsafe.escape flask.escape django.utils.html.escape django.utils.html.conditional_escape"
        ),
        _HTML,
    ),
}
"""By the name of a function: the rules that its result cannot break, whatever it is given."""

PURE = frozenset(FUNCTIONS) | words(
    "str repr ascii bytes bytearray min max hex oct bin chr format textwrap.dedent textwrap.indent json.dumps"
    " base64.b64encode base64.b64decode base64.urlsafe_b64encode base64.urlsafe_b64decode urllib.parse.quote"
    " urllib.parse.quote_plus urllib.parse.urlencode io.BytesIO io.StringIO memoryview shlex.split sqlalchemy.text"
    " sqlalchemy.sql.text zlib.compress zlib.decompress gzip.compress gzip.decompress"
    " sqlalchemy.sql.expression.text markupsafe.Markup flask.Markup django.utils.safestring.mark_safe"
)
"""Functions whose result is made of nothing but their arguments, and which change none of them."""

TEXT_METHODS = words(
    "upper lower strip lstrip rstrip replace title capitalize swapcase casefold removeprefix removesuffix encode decode"
    " hex format join zfill ljust rjust center expandtabs split rsplit splitlines partition rpartition startswith"
    " endswith isdigit isalpha isalnum"
)
"""The same for methods of text."""

READS = words("print len isinstance logging.debug logging.info logging.warning logging.error shlex.join")
"""Functions that put nothing into what they are given, beside PURE ones."""


def of_result(name: str) -> frozenset[str]:
    """The rules that the result of a function cannot break."""
    return FUNCTIONS.get(name, NOTHING_SAFE)
