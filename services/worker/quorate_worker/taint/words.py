"""Tables of names, written as text so that they can be read and extended."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())
