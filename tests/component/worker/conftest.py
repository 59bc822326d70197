"""What the tests of the analyzers share."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from quorate.agent_definition import Context


@pytest.fixture
def context_of() -> Callable[..., Context]:
    """Makes a context for a change that adds these files, path to content; `diff` adds more to the change."""

    def make(files: Mapping[str, str], *, diff: str = "", deadline_at: float = float("inf")) -> Context:
        added = "".join(f"--- /dev/null\n+++ b/{path}\t\n@@ -0,0 +1 @@\n+x\n" for path in files)
        return Context(
            task="t1",
            kind="code-review",
            step="review",
            agent="any",
            input={"diff": added + diff, "files": dict(files)},
            deadline_at=deadline_at,
        )

    return make


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that appears if reviewed code runs."""
    return tmp_path / "canary"


@pytest.fixture
def hostile(canary: Path) -> dict[str, str]:
    """A change that wants to configure, extend, shadow or silence its analyzers."""
    run = f"open({str(canary)!r}, 'w').write(__name__)\n"
    return {
        "evil.py": ("import subprocess\nsubprocess.run(input(), shell=True)\ndb_password = 'kestrel-9-umbrella'\n"),
        "pyproject.toml": (
            "[tool.ruff]\nexclude = ['*']\nlint.select = []\n[tool.bandit]\nexclude_dirs = ['.']\n"
            "[project.entry-points.'bandit.plugins']\nx = 'plugin:run'\n"
        ),
        "ruff.toml": "exclude = ['*']\nlint.select = []\n",
        ".ruff.toml": "exclude = ['*']\n",
        ".bandit": "[bandit]\nskips = B602,B105\nexclude = /\n",
        "bandit.yaml": "skips: [B602, B105]\n",
        "setup.cfg": "[bandit]\nskips = B602\n[flake8]\nexclude = *\n",
        ".gitignore": "*\n",
        ".secrets.baseline": '{"version": "1.5.0", "plugins_used": [], "results": {}}\n',
        ".config/ruff/ruff.toml": "exclude = ['*']\n",
        "sitecustomize.py": run,
        "usercustomize.py": run,
        "json.py": run,
        "requests.py": run,
        "bandit/__init__.py": run,
        "bandit/__main__.py": run,
        "detect_secrets/__init__.py": run,
        "yaml/__init__.py": run,
        "conftest.py": run,
        "plugin.py": run + "def run(): ...\n",
        "evil.pth": "import sitecustomize\n",
    }
