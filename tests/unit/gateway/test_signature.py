"""The signature of a webhook."""

import pytest

from quorate_gateway.domain.signature import is_signed, signature_of

SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_the_signature_is_the_one_that_github_documents() -> None:
    assert signature_of(SECRET, BODY) == SIGNATURE
    assert is_signed(SECRET, BODY, SIGNATURE)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.upper(),
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE.replace("sha256", "sha1"),
        SIGNATURE.replace("7", "8", 1),
        "sha256=ü" * 10,
        "\ud800",
    ],
)
def test_anything_else_is_refused(signature: str | None) -> None:
    assert not is_signed(SECRET, BODY, signature)


def test_another_body_and_another_secret_are_refused() -> None:
    assert not is_signed(SECRET, BODY + b" ", SIGNATURE)
    assert not is_signed(SECRET + " ", BODY, SIGNATURE)
