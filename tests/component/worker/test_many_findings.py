"""A file with something to find in each line: what we do beside the tool grows with the file, not with its square."""

import time
from collections.abc import Callable

import pytest

from quorate.agent_definition import Context
from quorate.contract.facts import Contribution
from quorate_worker.adapters.analyzer import Analyzer
from quorate_worker.adapters.bandit import BANDIT
from quorate_worker.adapters.hadolint import HADOLINT
from quorate_worker.adapters.ruff import RUFF
from quorate_worker.adapters.toolbox import Toolbox
from quorate_worker.adapters.yamllint import YAMLLINT

ContextOf = Callable[..., Context]


@pytest.mark.parametrize(
    ("analyzer", "path", "text", "count"),
    [
        (YAMLLINT, "a.yaml", "a: 010\n---\n" * 8_000, 8_000),
        (HADOLINT, "Dockerfile", "FROM a:1\n" + "WORKDIR x/<<A\n" * 20_000, 20_000),
        (BANDIT, "a.py", "# nosec\n" + "eval(x)\n" * 5_000, 5_000),
        (RUFF, "a.py", "# nosec\nassert 0\n" + "eval(x)\n" * 8_000, 8_000),
    ],
    ids=["yamllint", "hadolint", "bandit", "ruff"],
)
async def test_a_finding_in_each_line_costs_little(
    context_of: ContextOf, analyzer: Analyzer, path: str, text: str, count: int
) -> None:
    context = context_of({path: text})
    begun = time.process_time()  # of this process, without the tool

    report = await analyzer.analyze(context, Toolbox())

    assert isinstance(report, Contribution)
    assert (report.state, report.read) == ("ok", (path,)), report.reason
    assert len([item for item in report.findings if item.severity != "info"]) >= count
    assert time.process_time() - begun < 3
