"""Weaknesses: which CWE numbers answer a labelled question, and what the rules of bandit and ruff are about.

Sources: https://cwe.mitre.org, https://bandit.readthedocs.io and https://docs.astral.sh/ruff/rules (the S rules).
"""

import re

FAMILIES: dict[int, frozenset[int]] = {
    22: frozenset({21, 22, 23, 35, 36, 38, 73, 99}),
    78: frozenset({77, 78, 88}),
    79: frozenset({79, 80, 83, 87, 116}),
    89: frozenset({89, 564, 943}),
    90: frozenset({90}),
    94: frozenset({94, 95, 96}),
    327: frozenset({326, 327, 757, 780, 1240}),
    # Many tools know MD5 as a broken algorithm (327) and have no number for hashes alone.
    328: frozenset({327, 328, 759, 760, 916}),
    330: frozenset({330, 331, 335, 336, 337, 338, 340, 1241}),
    501: frozenset({501}),
    502: frozenset({502}),
    601: frozenset({601}),
    611: frozenset({611, 776, 827}),
    614: frozenset({614, 1004, 1275}),
    643: frozenset({643}),
    918: frozenset({918}),
    # A template that an attacker writes is code that an attacker writes.
    1336: frozenset({94, 95, 96, 1336}),
}
"""The number of a labelled question, and the numbers that answer it. Any other number is answered by itself."""

_RULES: dict[str, int] = {
    "102": 94,
    "104": 605,
    "105": 798,
    "106": 798,
    "107": 798,
    "108": 377,
    "113": 400,
    "201": 489,
    "202": 22,
    "301": 502,
    "302": 502,
    "303": 328,
    "304": 327,
    "305": 327,
    "306": 377,
    "307": 95,
    "308": 79,
    # Bandit calls it a path (22), for `file:` is an address too; what it looks at is where requests go.
    "310": 918,
    "311": 330,
    "312": 319,
    **dict.fromkeys(("313", "314", "315", "316", "317", "318", "319", "320"), 611),
    "321": 319,
    "323": 295,
    "324": 328,
    "401": 319,
    "402": 319,
    "403": 502,
    **dict.fromkeys(("405", "406", "407", "408", "409", "410", "411"), 611),
    "413": 327,
    "415": 319,
    "501": 295,
    "502": 327,
    "503": 327,
    "504": 327,
    "505": 326,
    "506": 502,
    "507": 295,
    "508": 319,
    "509": 319,
    **dict.fromkeys(("601", "602", "603", "604", "605", "606", "607", "609"), 78),
    "608": 89,
    "610": 89,
    "611": 89,
    "612": 94,
    "614": 502,
    "615": 494,
    "701": 79,
    "702": 79,
    "703": 79,
    "704": 79,
}
_RULE = {"bandit": re.compile(r"B(\d{3})"), "ruff": re.compile(r"S(\d{3})")}


def weakness_of(agent: str, rule: str, cwe: int | None) -> int | None:
    """What a finding is about: for bandit and ruff what the table says of the rule, otherwise the agent's own number.

    Bandit's own numbers are too broad to tell an answer from another one: 20 for XML and YAML, 78 for ``eval``.
    """
    pattern = _RULE.get(agent)
    match = pattern.fullmatch(rule) if pattern else None
    return _RULES.get(match[1], cwe) if match else cwe


def answers(asked: int, reported: int | None) -> bool:
    """Whether a finding with the number ``reported`` says that the weakness ``asked`` is there."""
    return reported is not None and reported in FAMILIES.get(asked, (asked,))
