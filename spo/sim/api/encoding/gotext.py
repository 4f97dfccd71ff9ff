"""JSON values as Go's `fmt` prints them; some of the API server's messages quote what it was given this way."""

from __future__ import annotations

from typing import Any

import msgspec


def plain(value: Any) -> str:
    """As `%v` prints it: `map[a:1 b:[x y]]`."""
    match value:
        case dict():
            return f"map[{' '.join(f'{name}:{plain(value[name])}' for name in sorted(value))}]"
        case list():
            return f"[{' '.join(map(plain, value))}]"
        case None:
            return "<nil>"
        case str():
            return value
    return _scalar(value)


def syntax(value: Any) -> str:
    """As `%#v` prints it: `map[string]interface {}{"a":1}`."""
    match value:
        case dict():
            inside = ", ".join(f"{_scalar(name)}:{syntax(value[name])}" for name in sorted(value))
            return f"map[string]interface {{}}{{{inside}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(map(syntax, value))}}}"
        case None:
            return "interface {}(nil)"
    return _scalar(value)


def _scalar(value: Any) -> str:
    return msgspec.json.encode(value).decode()
