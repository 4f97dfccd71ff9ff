"""The JSONPath of printer columns: keys, indexes, all, and one comparison (client-go, util/jsonpath, relaxed)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_KEY = r"\.((?:\\.|[^.\[\\])+)"
_QUOTED = r"\[\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]"
_INDEX = r"\[\s*(-?\d+|\*)?\s*\]"
_FILTER = r"\[\?\(\s*@((?:\.[\w-]+)+)\s*(==|!=)\s*(?:'([^']*)'|\"([^\"]*)\"|(\w+))\s*\)\]"
_STEP = re.compile("|".join((_KEY, _QUOTED, _FILTER, _INDEX)))

Step = tuple[str, Any, Any]  # what to do, and with what


@lru_cache(1 << 10)
def steps(path: str) -> tuple[Step, ...] | None:
    """The path taken apart; None if it is none that we can follow."""
    found: list[Step] = []
    place = 0
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            return None
        found.append(_step(match))
        place = match.end()
    return tuple(found)


def _step(match: re.Match[str]) -> Step:
    key, single, double, field, sign, text, text2, word, index = match.groups()
    if key is not None:
        return ("all", None, None) if key == "*" else ("key", re.sub(r"\\(.)", r"\1", key), None)
    if single is not None or double is not None:
        return "key", single if double is None else double, None
    if field is not None:
        wanted = next(value for value in (text, text2, word) if value is not None)
        return "where", tuple(field.split(".")[1:]), (sign == "==", wanted)
    return ("all", None, None) if index in (None, "*") else ("at", int(index), None)


def find(obj: Any, path: str) -> list[Any]:
    """All values at a path, in order; none, if there is nothing there or the path cannot be followed."""
    parts = steps(path)
    found = [] if parts is None else [obj]
    for what, first, second in parts or ():
        found = [below for value in found for below in _below(value, what, first, second)]
    return found


def _below(value: Any, what: str, first: Any, second: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if what == "all":
            yield from value.values()
        elif what == "key" and first in value:
            yield value[first]
    elif isinstance(value, list):
        if what == "all":
            yield from value
        elif what == "at" and -len(value) <= first < len(value):
            yield value[first]
        elif what == "where":
            equal, wanted = second
            yield from (item for item in value if (_text(_at(item, first)) == wanted) is equal)


def _at(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
