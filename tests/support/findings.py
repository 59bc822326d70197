"""Findings that are likely to meet, for properties of what is made of them."""

from hypothesis import strategies as st

from quorate.contract.facts import Contribution
from quorate.contract.finding import SEVERITIES, Finding

LIKE = {"path": "a.py", "line": 2, "message": "Unused import"}

# All are like one finding but for the fields that are drawn, so that they often meet and often differ in one only.
FINDINGS = st.fixed_dictionaries(
    {},
    optional={
        "path": st.just("b.py"),
        "line": st.sampled_from([None, 1, 3]),
        "end_line": st.sampled_from([2, 4]),
        "severity": st.sampled_from(SEVERITIES),
        "category": st.just("bug"),
        "message": st.sampled_from(["unused  `import`.", "Shadowed name", "."]),
        "rule": st.sampled_from(["S608", "B608"]),
        "confidence": st.just(0.5),
        "suggestion": st.sampled_from(["one", "two"]),
    },
).map(lambda fields: Finding.model_validate(LIKE | fields))

AGENTS = ("bandit", "mine", "ruff")

CONTRIBUTIONS = st.dictionaries(
    st.sampled_from(AGENTS),
    st.builds(Contribution, findings=st.lists(FINDINGS, max_size=8).map(tuple)),
    max_size=len(AGENTS),
)
