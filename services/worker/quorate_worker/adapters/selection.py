"""Selection: which files are an analyzer's business."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from quorate.review import LANGUAGES

_FIRST_LINE = 200


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Files by suffix, by a pattern of their name or (with a ``/``) of their path, or by their ``#!`` line.

    Names that match one of ``excluded`` are not, unless one of ``patterns`` is just that name. ``noun`` is what one of
    them is called. Without any rule every text file is selected. Case does not matter.
    """

    noun: str = "text file"
    suffixes: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()
    interpreters: frozenset[str] = field(default_factory=frozenset)
    excluded: tuple[str, ...] = ()

    @classmethod
    def of_languages(cls, *languages: str, noun: str = "") -> "Selection":
        """The files of these languages, as far as the suffix tells."""
        suffixes = frozenset[str]().union(*(LANGUAGES[language] for language in languages))
        return cls(noun=noun or f"{' or '.join(name.capitalize() for name in languages)} file", suffixes=suffixes)

    @property
    def is_all(self) -> bool:
        return not (self.suffixes or self.patterns or self.interpreters)

    def names(self, path: str) -> bool:
        """Whether the path alone tells that the file is selected."""
        pure = PurePosixPath(path.lower())
        by_name = pure.name in {pattern.lower() for pattern in self.patterns}
        if not by_name and any(fnmatchcase(pure.name, pattern.lower()) for pattern in self.excluded):
            return False
        return (
            self.is_all
            or pure.suffix in self.suffixes
            or any(
                fnmatchcase(str(pure) if "/" in pattern else pure.name, pattern.lower()) for pattern in self.patterns
            )
        )

    def of(self, files: Mapping[str, str]) -> dict[str, str]:
        """The selected ones of these files (path to text)."""
        return {path: text for path, text in files.items() if self.names(path) or self._starts_so(text)}

    def _starts_so(self, text: str) -> bool:
        if not self.interpreters or not text.startswith("#!"):
            return False
        words = text[2:_FIRST_LINE].split("\n", 1)[0].replace("/", " ").split()
        return any(word in self.interpreters for word in words)
