"""What the doctor says of the gateway, and what importing it costs."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from quorate_gateway.diagnosis import diagnose

SECRET = "kestrel-and-rook"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GITHUB_TOKEN", "GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "QUORATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_to_have_neither_credentials_nor_a_secret_is_no_fault() -> None:
    github, webhook = diagnose()
    assert (github.name, github.ok, github.found) == ("github", True, "no credentials")
    assert "GITHUB_TOKEN" in github.hint
    assert (webhook.name, webhook.ok, webhook.found) == ("webhook", True, "no secret")
    assert "GITHUB_WEBHOOK_SECRET" in webhook.hint


def test_what_is_set_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("GITHUB_API_URL", "https://github.example.org/api/v3")
    github, webhook = diagnose()
    assert github.found == "a token for https://github.example.org/api/v3"
    assert webhook.found == "a secret is set"
    assert SECRET not in repr((github, webhook))

    monkeypatch.setenv("GITHUB_APP_ID", "5")
    monkeypatch.setenv("GITHUB_PRIVATE_KEY", f"-----BEGIN {SECRET}")
    [github, _] = diagnose()
    assert (github.ok, github.found) == (False, "App 5 without a key that works")
    assert "whole PEM file" in github.advice
    assert SECRET not in repr(github)

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    monkeypatch.setenv("GITHUB_PRIVATE_KEY", key.decode())
    [github, _] = diagnose()
    assert (github.ok, github.found) == (True, "App 5 for https://github.example.org/api/v3")

    monkeypatch.delenv("GITHUB_APP_ID")
    [github, _] = diagnose()
    assert (github.ok, "GITHUB_APP_ID" in github.advice) == (False, True)


def test_half_an_app_and_a_secret_that_cannot_be_read_are_faults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_APP_ID", "5")
    config = tmp_path / "own.toml"
    config.write_text('[github]\nwebhook_secret_file = "/gone"\n')
    monkeypatch.setenv("QUORATE_CONFIG", str(config))
    github, webhook = diagnose()
    assert (github.ok, "private key" in github.advice) == (False, True)
    assert (webhook.ok, "/gone" in webhook.advice) == (False, True)


def test_credentials_without_the_extra_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
    monkeypatch.setattr("quorate_gateway.extra.PACKAGES", ("not_there",))
    for diagnosis in diagnose():
        assert not diagnosis.ok
        assert "not_there" in diagnosis.found
        assert diagnosis.advice == "pip install 'quorate[gateway]'"


def test_importing_the_service_loads_nothing_of_its_extra() -> None:
    code = (
        "import sys, quorate_gateway.app, quorate_gateway.diagnosis, quorate_gateway.http, quorate_gateway.agent;"
        "print(*{'starlette', 'uvicorn', 'httpx2', 'gidgethub', 'jwt'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
