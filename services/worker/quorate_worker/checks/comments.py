"""Where a program has its comments, as far as that can be told without parsing it."""

import re
from collections.abc import Iterator

from quorate_worker.checks.names import names
from quorate_worker.checks.path_kind import suffix

# Every quantifier is possessive and every closing quote optional: a lexer never goes back, whatever it reads.
_DOUBLE = r'"(?:[^"\\\n]++|\\.)*+"?'
_SINGLE = r"'(?:[^'\\\n]++|\\.)*+'?"
_CHARACTER = r"'(?:[^'\\\n]|\\[^'\n]{1,10}|\\')'"
_TRIPLE = r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?'
_TRIPLE_SINGLE = r"'''(?:[^'\\]++|\\.|'(?!''))*+(?:''')?"
_BACKTICK = r"`(?:[^`\\]++|\\.)*+`?"
_RAW_BACKTICK = r"`[^`]*+`?"
_BLOCK = r"(?P<comment>/\*(?:[^*]++|\*(?!/))*+(?:\*/)?"
_SLASHES = r"(?<!:)//[^\n]*+)"


def _lexer(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.DOTALL)


_PYTHON = _lexer(r"(?P<comment>#[^\n]*+)", _TRIPLE, _TRIPLE_SINGLE, _DOUBLE, _SINGLE)
# `#` begins a comment only after a blank (`${x#y}`, `url#part`), and an apostrophe inside a word is no quote.
_HASH = _lexer(r"(?P<comment>(?<!\S)#[^\n]*+)", _DOUBLE, r"(?<!\w)'[^'\n]*+'?")
_C = _lexer(_BLOCK, _SLASHES, _TRIPLE, _DOUBLE, _CHARACTER)
_GO = _lexer(_BLOCK, _SLASHES, _RAW_BACKTICK, _DOUBLE, _CHARACTER)
_SCRIPT = _lexer(_BLOCK, _SLASHES, _BACKTICK, _DOUBLE, _SINGLE)
_PHP = _lexer(_BLOCK, r"//[^\n]*+", r"(?<!\S)#(?!\[)[^\n]*+)", _DOUBLE, _SINGLE)
_STYLE = _lexer(_BLOCK, _SLASHES, _DOUBLE, _SINGLE)
_DASHES = _lexer(_BLOCK, r"--[^\n]*+)", _DOUBLE, _SINGLE)
_MARKUP = _lexer(r"(?P<comment><!--(?:[^-]++|-(?!->))*+(?:-->)?)")

_LEXERS: dict[str, re.Pattern[str]] = {
    **dict.fromkeys((".py", ".pyi", ".pyw", ".pyx"), _PYTHON),
    **dict.fromkeys(
        names(".sh .bash .zsh .yml .yaml .toml .rb .pl .pm .r .ex .exs .tf .cmake .mk .nim .jl .cfg .ini .conf .ps1"),
        _HASH,
    ),
    **dict.fromkeys(
        names(
            ".c .h .cc .cpp .cxx .hpp .hh .m .mm .cs .java .kt .kts .scala .groovy .rs .swift .dart .proto .zig .sol"
        ),
        _C,
    ),
    ".go": _GO,
    **dict.fromkeys(names(".js .jsx .mjs .cjs .ts .tsx .mts .cts"), _SCRIPT),
    ".php": _PHP,
    **dict.fromkeys((".css", ".scss", ".less"), _STYLE),
    **dict.fromkeys((".sql", ".lua", ".hs"), _DASHES),
    **dict.fromkeys((".html", ".htm", ".xml", ".vue", ".svelte", ".md"), _MARKUP),
}
_NAMES = {"dockerfile": _HASH, "makefile": _HASH, "cmakelists.txt": _HASH, "gemfile": _HASH, "jenkinsfile": _C}


def has_comments(path: str) -> bool:
    """Whether it is known how comments look in a file of this name."""
    return _of(path) is not None


def comment_lines(path: str, text: str) -> Iterator[tuple[int, str]]:
    """The comments of a text as (line of the text, counted from 1; what the comment has there), in their order.

    Nothing for a file of an unknown language.
    """
    lexer = _of(path)
    if lexer is None:
        return
    number, counted = 1, 0
    for match in lexer.finditer(text):
        comment = match["comment"]
        if comment is None:
            continue
        number += text.count("\n", counted, match.start())
        counted = match.start()
        for offset, line in enumerate(comment.split("\n")):
            yield number + offset, line


def _of(path: str) -> re.Pattern[str] | None:
    return _LEXERS.get(suffix(path)) or _NAMES.get(path.rpartition("/")[2].lower())
