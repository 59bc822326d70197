"""Text from outside made safe to print: it shows what it holds and controls nothing.

A reviewed change chooses its paths, and through them and its code what analyzers and models say. An escape
sequence in there could repaint a terminal, and a bidirectional override could make one line read as another.
"""

MAX_LINE = 8_000
"""The contract's limit for a message, in characters; nothing that is printed on one line is longer."""


def visible(text: str) -> str:
    """The text with every character that does not print replaced: white space by a space, others by their
    number, such as ``\\x1b`` or ``\\u202e``. Private and unassigned characters count as not printing."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _shown(char) for char in text)


def one_line(text: str, limit: int = MAX_LINE) -> str:
    """The text on one line, runs of white space as one space, cut after ``limit`` characters."""
    # Cut first, so that a huge text costs no more than its limit; an escape may then be up to ten times
    # longer.
    line = " ".join(visible(text[:limit]).split())
    return line if len(text) <= limit and len(line) <= limit else line[: limit - 3] + "..."


def lines(text: str, most: int) -> list[str]:
    """Up to ``most`` lines of a block such as code, indentation kept, tabs as four columns."""
    # Not splitlines(): it also splits at form feeds and others, and line numbers would no longer be the
    # file's.
    block = text.split("\n", most)[:most]
    return [visible(line.rstrip("\r").expandtabs(4)[:MAX_LINE]).rstrip() for line in block]


def encodable(text: str, encoding: str) -> str:
    """The text with what ``encoding`` lacks written as numbers, so that printing it cannot fail."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _shown(char: str) -> str:
    if char.isspace():
        return " "
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
