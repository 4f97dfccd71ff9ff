"""What CEL computes with: operators on JSON's values, and the functions and methods that rules mostly call.

CEL is strict about types: a whole number is no float and no truth, and what does not fit is an error (TypeError).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any


class Beyond(Exception):
    """CEL, but more of it than is known here."""


class Maybe:
    """`oldSelf` of a rule with `optionalOldSelf`: a value, or none."""

    def __init__(self, *value: Any) -> None:
        self.value = value


def equal(left: Any, right: Any) -> bool:
    """As CEL compares: numbers by their value, anything else of two types is different."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def ordered(sign: str, left: Any, right: Any) -> bool:
    """`<`, `<=`, `>`, `>=`. Raises TypeError."""
    both_numbers = _is_number(left) and _is_number(right)
    if not both_numbers and not (type(left) is type(right) and isinstance(left, (str, bool))):
        raise TypeError("no such overload")
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign])


def plus(sign: str, left: Any, right: Any) -> Any:
    """`+` and `-`. Raises TypeError."""
    if type(left) is not type(right) or isinstance(left, (bool, dict, type(None))):
        if sign == "-" and left == 0 and isinstance(right, float):
            return -right  # a minus in front of a float
        raise TypeError("no such overload")
    if sign == "+":
        return left + right
    if isinstance(left, (str, list)):
        raise TypeError("no such overload")
    return left - right


def times(sign: str, left: Any, right: Any) -> Any:
    """`*`, `/` and `%`; whole numbers are divided towards zero. Raises TypeError or ZeroDivisionError."""
    if not _is_number(left) or type(left) is not type(right):
        raise TypeError("no such overload")
    if sign == "*":
        return left * right
    if isinstance(left, float):
        if sign == "%":
            raise TypeError("no such overload")
        return left / right if right else math.copysign(math.inf, left)
    if right == 0:
        raise ZeroDivisionError("division by zero" if sign == "/" else "modulus by zero")
    return int(math.fmod(left, right)) if sign == "%" else abs(left) // abs(right) * (1 if left * right >= 0 else -1)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _of(wanted: type, *values: Any) -> None:
    if any(type(value) is not wanted for value in values):
        raise TypeError("no such overload")


def _text(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a text, whose arguments are texts."""

    def call(*values: Any) -> Any:
        _of(str, *values)
        return function(*values)

    return call


def _listed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a list, whose elements can be compared with each other."""

    def call(values: Any, *more: Any) -> Any:
        _of(list, values)
        return function(values, *more)

    return call


def _size(value: Any) -> int:
    if isinstance(value, (str, list, dict)):
        return len(value)
    raise TypeError("no such overload")


def _matches(text: str, pattern: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error as error:
        raise ValueError(f"error parsing regexp: {error}") from None


def _is_sorted(values: list[Any]) -> bool:
    return all(ordered("<=", *pair) for pair in pairwise(values))


def _sum(values: list[Any]) -> Any:
    total = values[0] if values else 0
    for value in values[1:]:
        total = plus("+", total, value)
    return total


def _extreme(sign: str) -> Callable[[list[Any]], Any]:
    def extreme(values: list[Any]) -> Any:
        if not values:
            raise ValueError("min and max need an element")
        best = values[0]
        for value in values[1:]:
            best = value if ordered(sign, value, best) else best
        return best

    return extreme


def _index_of(values: Any, wanted: Any) -> int:
    if isinstance(values, str):
        _of(str, wanted)
        return values.find(wanted)
    _of(list, values)
    return next((place for place, value in enumerate(values) if equal(value, wanted)), -1)


def _substring(text: Any, start: Any, end: Any = None) -> str:
    _of(str, text)
    _of(int, start, *(() if end is None else (end,)))
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise IndexError(f"index out of range: {start}")
    return str(text[start:stop])


def _split(text: str, by: str) -> list[str]:
    return text.split(by) if by else list(text)


def _join(values: list[Any], by: str = "") -> str:
    _of(str, by, *values)
    return by.join(values)


def _whole(value: Any) -> int:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        return int(value)
    raise TypeError("no such overload")


def _real(value: Any) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        return float(value)
    raise TypeError("no such overload")


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (int, str)):
        return str(value)
    raise TypeError("no such overload")


def _has_value(maybe: Any) -> bool:
    _of(Maybe, maybe)
    return bool(maybe.value)


def _value(maybe: Any) -> Any:
    _of(Maybe, maybe)
    if not maybe.value:
        raise ValueError("optional.none() dereference")
    return maybe.value[0]


def _or_value(maybe: Any, other: Any) -> Any:
    _of(Maybe, maybe)
    return maybe.value[0] if maybe.value else other


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "size": _size, "int": _whole, "double": _real, "string": _string, "dyn": lambda value: value,
}  # fmt: skip
METHODS: Mapping[str, Callable[..., Any]] = {
    "size": _size,
    "startsWith": _text(str.startswith),
    "endsWith": _text(str.endswith),
    "contains": _text(str.__contains__),
    "matches": _text(_matches),
    "lowerAscii": _text(str.lower),
    "upperAscii": _text(str.upper),
    "trim": _text(str.strip),
    "replace": _text(str.replace),
    "split": _text(_split),
    "substring": _substring,
    "join": _listed(_join),
    "indexOf": _index_of,
    "isSorted": _listed(_is_sorted),
    "sum": _listed(_sum),
    "min": _listed(_extreme("<")),
    "max": _listed(_extreme(">")),
    "hasValue": _has_value,
    "value": _value,
    "orValue": _or_value,
}
