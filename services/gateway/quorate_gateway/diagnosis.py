"""What the gateway lacks."""

from quorate.diagnosis import Diagnosis


def diagnose() -> list[Diagnosis]:
    """Whether pull requests can be read, and webhooks be taken."""
    return []
