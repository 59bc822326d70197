"""What the gateway has to work with."""

import os
import time

from quorate.diagnosis import Diagnosis
from quorate.errors import Misconfigured
from quorate.settings import GitHubSettings, load
from quorate_gateway.extra import INSTALL, lacking

NO_CREDENTIALS = "to review pull requests, set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_PRIVATE_KEY"
NO_SECRET = "to take webhooks, set GITHUB_WEBHOOK_SECRET"


def diagnose() -> list[Diagnosis]:
    """In whose name pull requests are read, and whether webhooks are taken. It is no fault to want neither."""
    rules = load().github
    return [_credentials(rules), _webhook(rules)]


def _credentials(rules: GitHubSettings) -> Diagnosis:
    from quorate.github import AppCredentials, credentials_of

    try:
        credentials = credentials_of(rules, os.environ)
    except Misconfigured as error:
        return Diagnosis("github", False, "no credentials", str(error))
    if credentials is None:
        return Diagnosis("github", True, "no credentials", hint=NO_CREDENTIALS)
    who = f"App {credentials.app_id}" if isinstance(credentials, AppCredentials) else "a token"
    if names := lacking():
        return Diagnosis("github", False, f"{who}, without {', '.join(names)}", INSTALL)
    if isinstance(credentials, AppCredentials):
        try:
            credentials.jwt(time.time())
        except Misconfigured as error:
            return Diagnosis("github", False, f"{who} without a key that works", str(error))
    return Diagnosis("github", True, f"{who} for {rules.api_url}")


def _webhook(rules: GitHubSettings) -> Diagnosis:
    from quorate.github import webhook_secret_of

    try:
        secret = webhook_secret_of(rules, os.environ)
    except Misconfigured as error:
        return Diagnosis("webhook", False, "no secret", str(error))
    if secret is None:
        return Diagnosis("webhook", True, "no secret", hint=NO_SECRET)
    if names := lacking():
        return Diagnosis("webhook", False, f"a secret is set, without {', '.join(names)}", INSTALL)
    return Diagnosis("webhook", True, "a secret is set")
