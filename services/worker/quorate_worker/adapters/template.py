"""Template: a file that becomes what its name says only when its placeholders are filled in."""

import re

_PLACEHOLDER = re.compile(r"\{\{|\{%|<%")


def is_template(text: str) -> bool:
    """Whether it holds what Helm, Jinja, Go or ERB fill in."""
    return _PLACEHOLDER.search(text) is not None
