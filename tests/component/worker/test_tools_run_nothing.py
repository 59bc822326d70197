"""Tools that are Python are not led to import the code that they read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from quorate.agent_definition import Context
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.complexity import COMPLEXITY
from quorate_worker.adapters.format import FORMAT
from quorate_worker.adapters.mypy import MYPY
from quorate_worker.adapters.performance import PERFORMANCE
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.yamllint import YAMLLINT

NAMES = (
    "sitecustomize.py",
    "usercustomize.py",
    "conftest.py",
    "ast.py",
    "json.py",
    "re.py",
    "lizard_core/__init__.py",
    "lizard_core/file_analyzer.py",
    "lizard_languages/__init__.py",
    "mypy/__init__.py",
    "mypy/__main__.py",
    "pathspec/__init__.py",
    "plugin.py",
    "yaml/__init__.py",
    "yamllint/__init__.py",
    "yamllint/__main__.py",
)
CONFIGURATION = {
    "mypy.ini": "[mypy]\nplugins = plugin.py\npython_executable = ./plugin.py\n",
    "pyproject.toml": "[tool.mypy]\nplugins = ['plugin.py']\n",
    ".yamllint": "extends: plugin.py\n",
    "a.pth": "import sitecustomize\n",
    "a.yaml": "a: !!python/object/apply:os.system ['touch canary']\n",
}


def ran(canary: Path) -> bool:
    return canary.exists()


@pytest.mark.parametrize("analyzer", [COMPLEXITY, FORMAT, MYPY, PERFORMANCE, YAMLLINT], ids=lambda item: item.name)
async def test_nothing_of_the_change_runs(
    context_of: Callable[..., Context],
    tmp_path: Path,
    canary: Path,
    monkeypatch: pytest.MonkeyPatch,
    analyzer: Analyzer,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run = f"# mypy: plugins=plugin.py\nopen({str(canary)!r}, 'w').write(__name__)\n"

    report = await analyzer.analyze(context_of(dict.fromkeys(NAMES, run) | CONFIGURATION), Toolbox())

    assert report.state == "ok"
    assert report.read
    assert not ran(canary)
