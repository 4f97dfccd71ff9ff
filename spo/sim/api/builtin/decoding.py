"""Fitting objects to the Go types of the built-in kinds: unknown fields, wrong types, nulls and empty lists.

The types stand in `types.json` (made from the models of the official client, see its test). They are complete: strict
field validation knows every field of every kind we have, at any depth.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from spo.sim.api.kinds import Object, Undecodable

_RFC3339 = "2006-01-02T15:04:05Z07:00"
_RFC3339_MICRO = "2006-01-02T15:04:05.000000Z07:00"
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_ZONE = r"(Z|[+-]\d\d:\d\d)"
_TIMES = {
    "t": (re.compile(_SECONDS.pattern + r"(\.\d+)?" + _ZONE), _RFC3339, "Z07:00"),
    "u": (re.compile(_SECONDS.pattern + r"\.\d{6}" + _ZONE), _RFC3339_MICRO, ".000000"),
}
_SCALARS: dict[str, tuple[tuple[type, ...], str]] = {  # code → what JSON gives, what Go calls it
    "s": ((str,), "string"),
    "i": ((int,), "int32"),
    "n": ((int, float), "float64"),
    "b": ((bool,), "bool"),
    "t": ((str,), "Time"),
    "u": ((str,), "MicroTime"),
    "q": ((str, int, float), "resource.Quantity"),
    "y": ((str,), "[]uint8"),
}
_ZEROS = {"s": "", "i": 0, "n": 0, "b": False, "q": "0"}
_JSON_NAMES = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}


class _Type(NamedTuple):
    """`code` is one of the scalars, `*` for anything, or `struct`, `list`, `map` with what is inside."""

    code: str
    python: tuple[type, ...] = ()
    go: str = ""
    fields: dict[str, Any] | None = None  # of a struct; filled on first use, because types contain each other
    inside: Any = None
    plain: bool = False  # a list or map of scalars that the Python type alone decides


def decode(obj: Object, type_name: str, untouched: Collection[str] = ()) -> list[str]:
    """Fit `obj` to a type in place: drop unknown fields, nulls, empty lists and empty maps, as Go's encoding would.

    Gives the paths of the unknown fields in the order of the document. Raises Undecodable at the first wrong type.
    `untouched`: fields at the top that were fitted before, and are left as they stand.
    """
    unknown: list[str] = []
    kind = _type(type_name)
    if not untouched:
        _struct(kind, obj, "", unknown, type_name)
        return unknown
    touched = {name: value for name, value in obj.items() if name not in untouched}
    _struct(kind, touched, "", unknown, type_name)
    for name in [name for name in obj if name not in untouched and name not in touched]:
        del obj[name]
    return unknown


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = msgspec.json.decode((files(__package__) / "types.json").read_bytes())
    return table


@cache
def _type(code: str) -> _Type:
    if code == "*":
        return _Type("*")
    if code in _SCALARS:
        python, go = _SCALARS[code]
        return _Type(code, python, go)
    if code[0] == "?":
        return _type(code[1:])._replace(python=(dict, bool))
    if code[0] in "[{":
        inside = _type(code[1:-1])
        kind, go = ("list", "[]") if code[0] == "[" else ("map", "map[string]")
        python = (list,) if kind == "list" else (dict,)
        return _Type(kind, python, go + inside.go, inside=inside, plain=inside.code in "sibn")
    return _Type("struct", (dict,), code, fields={})


def fields_of(type_name: str) -> dict[str, Any]:
    """The fields a built-in type has."""
    fields = _type(type_name).fields
    assert fields is not None, f"{type_name} is no struct"
    if not fields:
        fields |= {name: _type(code) for name, code in _table()[type_name].items()}
    return fields


def _struct(kind: _Type, value: Object, path: str, unknown: list[str], struct: str) -> None:
    fields = kind.fields or fields_of(kind.go)
    for name in list(value):
        field = fields.get(name)
        if field is None:
            unknown.append(f"{path}.{name}" if path else name)
            del value[name]
            continue
        item = value[name]
        if item is None:
            del value[name]
            continue
        code = field.code
        if code == "*" or (type(item) in field.python and code in "sibnq"):
            continue
        below = f"{path}.{name}" if path else name
        _fit(field, item, below, unknown, f"{struct}.{below}")
        if not item and code in ("list", "map"):
            del value[name]


def _fit(kind: _Type, value: Any, path: str, unknown: list[str], where: str) -> None:
    """Check one value, and what is inside."""
    if kind.code == "*":
        return
    if type(value) not in kind.python:
        got = _JSON_NAMES.get(type(value), "null")
        raise Undecodable(f"json: cannot unmarshal {got} into Go struct field {where} of type {kind.go}")
    if kind.code == "struct":
        if value.__class__ is dict:  # or true or false, where that may stand for a schema
            _struct(kind, value, path, unknown, where.partition(".")[0])
    elif kind.code in ("list", "map"):
        _each(kind, value, path, unknown, where)
    elif kind.code in _TIMES:
        _time(kind.code, value)
    elif kind.code == "y":
        _base64(value)


def _each(kind: _Type, value: Any, path: str, unknown: list[str], where: str) -> None:
    """Check every element of a list or value of a map."""
    items = value if kind.code == "list" else value.values()
    if kind.plain and {type(item) for item in items} <= set(kind.inside.python):
        return
    for place, item in list(enumerate(value) if kind.code == "list" else value.items()):
        if item is None:
            value[place] = _zero(kind.inside)
        else:
            below = f"{path}[{place}]" if kind.code == "list" else f"{path}.{place}"
            _fit(kind.inside, item, below, unknown, where)


def _zero(kind: _Type) -> Any:
    """What Go makes of a null inside a list or map: the type's zero value."""
    return {} if kind.code == "struct" else _ZEROS.get(kind.code)


def _time(code: str, text: str) -> None:
    pattern, layout, after_seconds = _TIMES[code]
    if pattern.fullmatch(text):
        return
    seconds = _SECONDS.match(text)
    rest, expected = (text[seconds.end() :], after_seconds) if seconds else (text, "2006")
    raise Undecodable(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{expected}"')


def _base64(text: str) -> None:
    try:
        a2b_base64(text, strict_mode=True)
    except ValueError:  # BadBase64 is one; what is not ASCII is another
        bad = re.search(r"[^A-Za-z0-9+/]", text)
        raise Undecodable(f"illegal base64 data at input byte {bad.start() if bad else len(text)}") from None
