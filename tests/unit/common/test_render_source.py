from typing import Any

import pytest

from quorate.contract.finding import DecidedFinding
from quorate.contract.fix import Edit, Fix
from quorate.render.source import Source

KEY = "a = 1\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb = 2\n"


def secret(**fields: Any) -> DecidedFinding:
    known: dict[str, Any] = {
        "id": "f",
        "path": "a.py",
        "line": 2,
        "severity": "high",
        "category": "secrets",
        "message": "m",
        "fingerprint": "f",
        "decision": "confirmed",
        "reason": "r",
    }
    return DecidedFinding(**(known | fields))


def shown(source: Source, path: str = "a.py") -> list[str | None]:
    return [source.line(path, number) for number in range(source.last(path) + 2)]


def test_lines_are_numbered_as_git_numbers_them() -> None:
    assert shown(Source({"a.py": "one\x0c1\ntwo\r\nthree"}, ())) == [None, "one\x0c1", "two\r", "three", None]


def test_a_file_that_is_not_known_has_no_lines() -> None:
    source = Source({}, [secret()])
    assert (source.has("a.py"), source.last("a.py"), source.line("a.py", 1)) == (False, 0, None)


def test_the_lines_of_a_secret_are_never_given() -> None:
    source = Source({"a.py": "1\n2\n3\n4\n"}, [secret(line=2, end_line=3, decision="demoted")])
    assert shown(source) == [None, "1", None, None, "4", None]


def test_a_private_key_is_a_secret_even_where_no_agent_says_so() -> None:
    assert shown(Source({"a.py": KEY}, ())) == [None, "a = 1", None, None, None, "b = 2", None]


def test_a_key_without_an_end_reaches_to_the_end_of_the_file() -> None:
    open_key = KEY.replace("-----END RSA PRIVATE KEY-----", "more")
    assert shown(Source({"a.py": open_key}, ())) == [None, "a = 1", None, None, None, None, None]


def test_going_from_file_to_file_keeps_their_secrets_apart() -> None:
    source = Source({"a.py": KEY, "b.py": "1\n2\n3\n"}, [secret(path="b.py", line=3)])
    for _ in range(2):
        assert shown(source)[2] is None
        assert shown(source, "b.py") == [None, "1", "2", None, None]


@pytest.mark.parametrize(
    "line",
    ["API_KEY = 'x'", "  password: x", '"db_password": "x"', "headers['Access-Token'] = x", "const secretValue= 1"],
)
def test_a_line_that_looks_like_a_secret_is_not_shown_beside_another(line: str) -> None:
    source = Source({"a.py": f"{line}\n"}, ())
    assert source.line("a.py", 1) == line
    assert source.around("a.py", 1) is None


def test_other_lines_are_shown_beside_another() -> None:
    assert Source({"a.py": "def tokenize(text):\n"}, ()).around("a.py", 1) == "def tokenize(text):"


@pytest.mark.parametrize(
    ("first", "last", "may"), [(1, 1, True), (2, 2, False), (1, 3, False), (3, 2, True), (3, 10**9, True)]
)
def test_a_fix_may_be_shown_unless_it_touches_a_secret(first: int, last: int, may: bool) -> None:
    source = Source({"a.py": "1\n2\n3\n"}, [secret()])
    assert source.may_show("a.py", Fix(edits=(Edit(line=first, end_line=last, text="x\n"),))) is may
