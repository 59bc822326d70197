"""Arithmetic on constants, with bounds: the code that is read may ask for very large results."""

import ast
import operator
from collections.abc import Callable, Sequence
from itertools import product

from quorate_worker.taint.values import MAX_CONSTANTS, Value, same
from quorate_worker.taint.words import words

MAX_TEXT = 4096
MAX_INTEGER_BITS = 256

_BINARY: dict[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_COMPARE: dict[type[ast.cmpop], Callable[[object, object], object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,  # type: ignore[dict-item]
    ast.LtE: operator.le,  # type: ignore[dict-item]
    ast.Gt: operator.gt,  # type: ignore[dict-item]
    ast.GtE: operator.ge,  # type: ignore[dict-item]
    ast.In: lambda left, right: left in right,  # type: ignore[operator]
    ast.NotIn: lambda left, right: left not in right,  # type: ignore[operator]
    ast.Is: same,
    ast.IsNot: lambda left, right: not same(left, right),
}
_SCALARS = (str, bytes, int, float, bool, type(None))

TEXT_METHODS = words(
    "upper lower strip lstrip rstrip replace startswith endswith title capitalize swapcase casefold find rfind index"
    " count isdigit isalpha isalnum isupper islower isspace isidentifier isnumeric isdecimal removeprefix"
    " removesuffix encode decode hex"
)
"""Methods of text and bytes that are worked out on constants."""

_FUNCTIONS: dict[str, Callable[..., object]] = {
    "len": len,
    "ord": ord,
    "chr": chr,
    "abs": abs,
    "min": min,
    "max": max,
    "bool": bool,
    "int": int,
    "str": str,
    "float": float,
}


def _bounded(result: object) -> bool:
    if isinstance(result, int):
        return result.bit_length() <= MAX_INTEGER_BITS
    if isinstance(result, str | bytes):
        return len(result) <= MAX_TEXT
    return isinstance(result, _SCALARS)


def _spread(values: Sequence[Value]) -> list[tuple[object, ...]] | None:
    """Every combination of the values' constants, if all are known and they are few."""
    total = 1
    choices: list[tuple[object, ...]] = []
    for value in values:
        if value.constants is None:
            return None
        total *= len(value.constants)
        if total > MAX_CONSTANTS:
            return None
        choices.append(value.constants)
    return list(product(*choices))


def _collect(function: Callable[..., object], values: Sequence[Value]) -> tuple[object, ...] | None:
    spread = _spread(values)
    if spread is None:
        return None
    results: list[object] = []
    for combination in spread:
        try:
            result = function(*combination)
        except Exception:
            # Whatever a constant expression raises, its result is unknown.
            return None
        if not _bounded(result):
            return None
        if not any(same(result, known) for known in results):
            results.append(result)
    return tuple(results)


def binary(kind: ast.operator, left: Value, right: Value) -> tuple[object, ...] | None:
    """The constants of `left kind right`, or None."""
    function = _BINARY.get(type(kind))
    if function is None or left.constants is None or right.constants is None:
        return None
    if type(kind) is ast.Mult:
        # A product with a text is a repetition, whose size is not bounded by the sizes of its operands.
        function = _multiply
    if type(kind) is ast.Mod and any(not isinstance(item, int | float) for item in left.constants):
        function = _format_percent
    return _collect(function, (left, right))


def _multiply(left: object, right: object) -> object:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | bytes) and isinstance(other, int):
            if len(one) * other > MAX_TEXT:
                raise OverflowError
            return one * other
    return left * right  # type: ignore[operator]


def _format_percent(left: object, right: object) -> object:
    # A width such as %999999999d would make a text of that size.
    if not isinstance(left, str) or any(character.isdigit() or character == "*" for character in left):
        raise OverflowError
    return left % (right,)


def compare(kind: ast.cmpop, left: Value, right: Value) -> tuple[object, ...] | None:
    """The constants of a comparison, or None."""
    if left.constants is None or right.constants is None:
        return None
    return _collect(_COMPARE[type(kind)], (left, right))


def unary(kind: ast.unaryop, value: Value) -> tuple[object, ...] | None:
    """The constants of a sign or a `not`, or None."""
    table: dict[type[ast.unaryop], Callable[[object], object]] = {
        ast.USub: operator.neg,  # type: ignore[dict-item]
        ast.UAdd: operator.pos,  # type: ignore[dict-item]
        ast.Invert: operator.invert,  # type: ignore[dict-item]
        ast.Not: operator.not_,
    }
    return _collect(table[type(kind)], (value,))


def item(value: Value, index: Value) -> tuple[object, ...] | None:
    """The constants of `value[index]` for constant text, or None."""
    return _collect(lambda text, place: text[place], (value, index))


def piece(value: Value, bounds: Sequence[Value]) -> tuple[object, ...] | None:
    """The constants of a slice of constant text, or None."""
    return _collect(lambda text, low, high, step: text[low:high:step], (value, *bounds))


def method(name: str, value: Value, arguments: Sequence[Value]) -> tuple[object, ...] | None:
    """The constants of a method of constant text, or None."""
    if name not in TEXT_METHODS or value.constants is None:
        return None
    return _collect(
        lambda text, *given: getattr(text, name)(*given) if isinstance(text, str | bytes) else object(),
        (value, *arguments),
    )


def function(name: str, arguments: Sequence[Value]) -> tuple[object, ...] | None:
    """The constants of a builtin of constants, or None."""
    known = _FUNCTIONS.get(name)
    return None if known is None or not arguments else _collect(known, arguments)


def truth(constants: tuple[object, ...] | None) -> bool | None:
    """Whether all constants are true, or all false; None if neither is sure."""
    if not constants:
        return None
    first = bool(constants[0])
    return first if all(bool(other) is first for other in constants) else None
