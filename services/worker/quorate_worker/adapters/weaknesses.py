"""Weaknesses: the CWE numbers of bandit's tests, and so of ruff's S rules, which are bandit's.

Bandit reports numbers of its own for them. Those of this table are nearer to what the test is about: bandit has one
of improper input validation (20) for XML parsers and for YAML, and OS command injection (78) for ``eval``.
"""

BANDIT = {
    "B102": 94,
    "B104": 605,
    "B105": 798,
    "B106": 798,
    "B107": 798,
    "B108": 377,
    "B113": 400,
    "B201": 489,
    "B202": 22,
    "B301": 502,
    "B302": 502,
    "B303": 328,
    "B304": 327,
    "B305": 327,
    "B306": 377,
    "B307": 94,
    "B308": 79,
    "B310": 918,
    "B311": 330,
    "B312": 319,
    "B313": 611,
    "B314": 611,
    "B315": 611,
    "B316": 611,
    "B317": 611,
    "B318": 611,
    "B319": 611,
    "B320": 611,
    "B321": 319,
    "B323": 295,
    "B324": 328,
    "B501": 295,
    "B502": 327,
    "B503": 327,
    "B504": 327,
    "B505": 326,
    "B506": 502,
    "B507": 295,
    "B508": 319,
    "B509": 319,
    "B602": 78,
    "B603": 78,
    "B604": 78,
    "B605": 78,
    "B606": 78,
    "B607": 78,
    "B608": 89,
    "B609": 78,
    "B610": 89,
    "B611": 89,
    "B612": 94,
    "B614": 502,
    "B701": 79,
    "B702": 79,
    "B703": 79,
    "B704": 79,
}


def weakness_of(rule: str) -> int | None:
    """The number for a test of bandit (``B608``) or the rule of ruff that is made after it (``S608``)."""
    return BANDIT.get(f"B{rule[1:]}") if rule[:1] in ("B", "S") and rule[1:].isdigit() else None
