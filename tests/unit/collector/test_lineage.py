"""Where a rule comes from."""

import pytest

from quorate_collector.domain.lineage import canonical_rule, lineage_of


@pytest.mark.parametrize(
    ("agent", "rule", "lineage"),
    [
        ("ruff", "S105", "bandit"),
        ("ruff", "F401", "pyflakes"),
        ("ruff", "E501", "pycodestyle"),
        ("ruff", "W605", "pycodestyle"),
        ("ruff", "B006", "flake8-bugbear"),
        ("ruff", "C401", "flake8-comprehensions"),
        ("ruff", "C416", "flake8-comprehensions"),
        ("ruff", "PLE0101", "pylint"),
        ("ruff", "PLR0913", "pylint"),
        ("ruff", "ASYNC100", "flake8-async"),
        ("ruff", "UP006", "pyupgrade"),
        ("ruff", "SIM102", "flake8-simplify"),
        ("ruff", "RUF100", "ruff"),
        ("ruff", "C901", "mccabe"),
        ("ruff", "", "ruff"),
        ("ruff", "s105", "ruff"),
        ("performance", "PERF401", "perflint"),
        ("performance", "query-in-loop", "quorate"),
        ("performance", "FURB192", "refurb"),
        ("complexity", "complex-function", "lizard"),
        ("format", "not-formatted", "ruff"),
        ("hadolint", "SC2086", "shellcheck"),
        ("hadolint", "DL3008", "hadolint"),
        ("taint", "sql-injection", "quorate"),
        ("semgrep", "quorate.python.sql", "quorate"),
        ("bandit", "B105", "bandit"),
        ("mine", "S105", "mine"),
        ("mine", "", "mine"),
    ],
)
def test_a_lineage_is_looked_up(agent: str, rule: str, lineage: str) -> None:
    assert lineage_of(agent, rule, {}) == lineage


def test_what_the_operator_says_goes_first() -> None:
    configured = {"ruff": "tools", "mine": "gpt"}
    assert [lineage_of(agent, "S105", configured) for agent in ("ruff", "mine", "other")] == ["tools", "gpt", "other"]


@pytest.mark.parametrize(
    ("agent", "rule", "canonical"),
    [
        ("ruff", "S608", "bandit:B608"),
        ("bandit", "B608", "bandit:B608"),
        ("ruff", "F401", "ruff:F401"),
        ("ruff", "S105", "hard-coded secret"),
        ("bandit", "B106", "hard-coded secret"),
        ("detect-secrets", "AWS Access Key", "hard-coded secret"),
        ("mine", "B105", "mine:B105"),
        ("mine", "S608", "mine:S608"),
        ("mine", "", ""),
        ("ruff", "", ""),
    ],
)
def test_a_rule_is_known_by_its_origin(agent: str, rule: str, canonical: str) -> None:
    assert canonical_rule(agent, rule) == canonical
