"""Names of a table, written in rows."""


def names(rows: str) -> frozenset[str]:
    """The names in rows of them, apart by blanks."""
    return frozenset(rows.split())
