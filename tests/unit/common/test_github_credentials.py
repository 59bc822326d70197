"""Who we are at GitHub, and that nobody else learns it."""

from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from quorate.errors import Misconfigured
from quorate.github import AppCredentials, TokenCredentials, credentials_of, webhook_secret_of
from quorate.settings import GitHubSettings

PEM = "-----BEGIN RSA PRIVATE KEY-----\nnot a key\n-----END RSA PRIVATE KEY-----"


def test_a_token_is_read_from_the_environment() -> None:
    assert credentials_of(GitHubSettings(), {"GITHUB_TOKEN": " ghp_one\n"}) == TokenCredentials("ghp_one")


def test_a_file_counts_more_than_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("ghp_file\n")

    found = credentials_of(GitHubSettings(token_file=str(path)), {"GITHUB_TOKEN": "ghp_environment"})

    assert found == TokenCredentials("ghp_file")


def test_an_app_counts_more_than_a_token_of_the_environment() -> None:
    environ = {"GITHUB_TOKEN": "ghp_one", "GITHUB_PRIVATE_KEY": PEM.replace("\n", "\\n")}

    assert credentials_of(GitHubSettings(app_id=7), environ) == AppCredentials(7, PEM)


def test_without_anything_there_are_none() -> None:
    assert credentials_of(GitHubSettings(), {"GITHUB_TOKEN": "  "}) is None
    assert webhook_secret_of(GitHubSettings(), {}) is None


def test_the_secret_of_webhooks_is_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("of the file\n")

    assert webhook_secret_of(GitHubSettings(), {"GITHUB_WEBHOOK_SECRET": "s"}) == "s"
    assert webhook_secret_of(GitHubSettings(webhook_secret_file=str(path)), {}) == "of the file"


@pytest.mark.parametrize(
    ("settings", "environ", "said"),
    [
        ({"app_id": 7}, {}, "has no private key"),
        ({"app_id": 7}, {"GITHUB_PRIVATE_KEY": "secret-words"}, "is no PEM"),
        ({"app_id": 7, "token_file": "/t"}, {"GITHUB_PRIVATE_KEY": PEM}, "both set"),
        ({"private_key_file": "/k"}, {}, "without github.app_id"),
        ({}, {"GITHUB_PRIVATE_KEY": PEM}, "GITHUB_PRIVATE_KEY is set without an App's id"),
        ({}, {"GITHUB_PRIVATE_KEY": PEM, "GITHUB_TOKEN": "ghp_one"}, "GITHUB_PRIVATE_KEY is set without an App's id"),
        ({}, {"GITHUB_TOKEN": "two secret-words"}, "blanks or other characters"),
        ({"token_file": "/nowhere/token"}, {}, "/nowhere/token cannot be read"),
    ],
)
def test_half_of_it_is_refused_with_what_to_do(settings: dict[str, object], environ: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as raised:
        credentials_of(GitHubSettings.model_validate(settings), environ)

    assert "secret-words" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 70_000])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)

    with pytest.raises(Misconfigured, match="holds no secret"):
        credentials_of(GitHubSettings(token_file=str(path)), {})


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(TokenCredentials("secret"))
    assert "secret" not in repr(AppCredentials(7, "secret"))


def test_an_apps_own_token_is_backdated_and_good_for_less_than_ten_minutes() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()

    token = AppCredentials(7, pem).jwt(1_000_000.5)

    claims = jwt.decode(token, key.public_key(), algorithms=["RS256"], options={"verify_exp": False})
    assert claims["iss"] == "7"
    assert claims["iat"] == 1_000_000 - 60
    assert 0 < claims["exp"] - 1_000_000 <= 600
    assert claims["exp"] - claims["iat"] <= 600


def _public() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def _elliptic() -> str:
    return _pem(ec.generate_private_key(ec.SECP256R1()), serialization.NoEncryption())


def _locked() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _pem(key, serialization.BestAvailableEncryption(b"x"))


def _pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, encryption: serialization.KeySerializationEncryption
) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


@pytest.mark.parametrize("made", [lambda: PEM, _public, _elliptic, _locked], ids=["damaged", "public", "EC", "locked"])
def test_a_key_that_cannot_be_used_is_not_in_the_error(made: Callable[[], str]) -> None:
    with pytest.raises(Misconfigured, match="private key of GitHub App 7") as raised:
        AppCredentials(7, made()).jwt(0)

    assert raised.value.__context__ is None


def test_the_key_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    credentials = AppCredentials(7, _pem(key, serialization.NoEncryption()))
    credentials.jwt(0)
    monkeypatch.setattr(serialization, "load_pem_private_key", None)
    assert credentials.jwt(1)
