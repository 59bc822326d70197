"""One process of a chaos run of pull requests: ``python -m bench.chaos_github_service gateway PID``.

A service, or with the name ``github`` the double of GitHub.
"""

import json
import os
import sys

from bench import chaos_service
from quorate.github import client
from quorate.settings import GitHubSettings, Settings
from quorate.testing import github

FORGE = "QUORATE_CHAOS_FORGE"
"""The environment variable with the double's addresses, and PORT the one with the gateway's own port."""
PORT = "QUORATE_CHAOS_PORT"

REVIEW_DEADLINE_S = 90.0
REQUEST_TIMEOUT_S = 2.0

_REQUESTS_PER_HOUR = "1000000000"


def chaos_settings(url: str) -> Settings:
    """The settings of every process of the run."""
    forge = json.loads(os.environ[FORGE])
    # How long the client waits after an answer that tells nothing is no setting; a short run needs it short.
    client.BROKEN_S = float(forge["pause_s"])
    return chaos_service.chaos_settings(url).model_copy(
        update={
            "agent_modules": ("bench.chaos_github_agents",),
            "review_deadline_s": REVIEW_DEADLINE_S,
            "task_deadline_s": REVIEW_DEADLINE_S,
            "http_port": int(os.environ.get(PORT, "0")),
            "github": GitHubSettings(
                api_url=forge["url"],
                git_url=forge["git_url"],
                write_interval_s=0.0,
                request_timeout_s=REQUEST_TIMEOUT_S,
            ),
        }
    )


def main() -> None:
    if sys.argv[1] != "github":
        chaos_service.main(chaos_settings)
        return
    chaos_service.die_with(int(sys.argv[2]))
    github.main(["--port", "0", "--requests-per-hour", _REQUESTS_PER_HOUR])


if __name__ == "__main__":
    main()
