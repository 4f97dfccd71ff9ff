"""Kubernetes objects in protobuf, to and from JSON: `builtin/wire.json` has the fields of every message.

A code of that table is a field's number, a sign and its type: `s` text, `i` whole number, `b` truth, `d` double, `y`
bytes, or another message. The sign is `[` if there may be many, `{` for a map, `?` if zero means that it was not set.
`~name` is a message whose fields stand in the JSON of the one around it. Messages that are something else than an
object in JSON have functions below.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from spo.sim.api.encoding import protobuf_wire as wire
from spo.sim.api.kinds import Object

MAGIC = b"k8s\0"
_GO_MAGIC = "[107 56 115 0]"
_META = "meta.v1"
_CODECS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {}


class Unreadable(Exception):
    """Not a Kubernetes message; the text is apimachinery's."""


class Field(Struct, frozen=True):
    """One field of a message."""

    name: str
    number: int
    sign: str  # "", "[", "{", "?"
    type: str
    inline: bool


# -- objects -----------------------------------------------------------------------------------------------------


def decode(body: bytes) -> Object:
    """The object in an envelope. Raises Unreadable."""
    if not body.startswith(MAGIC):
        raise Unreadable(f"provided data does not appear to be a protobuf message, expected prefix {_GO_MAGIC}")
    api_version, kind, raw = "", "", b""
    try:
        for number, value in wire.fields(body[len(MAGIC) :]):
            if number == 1 and isinstance(value, bytes):
                said = {n: v.decode() for n, v in wire.fields(value) if isinstance(v, bytes)}
                api_version, kind = said.get(1, ""), said.get(2, "")
            elif number == 2 and isinstance(value, bytes):
                raw = value
        message = message_name(api_version, kind)
        if message is None:
            raise Unreadable(f'no kind "{kind}" is registered for version "{api_version}"')
        return {"kind": kind, "apiVersion": api_version, **_decode(message, raw)}
    except (wire.Malformed, UnicodeDecodeError, ValueError) as fault:
        raise Unreadable(str(fault)) from None


def encode(obj: Object) -> bytes | None:
    """The object in an envelope; None if it is of no kind that has a message."""
    api_version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
    message = message_name(api_version, kind)
    if message is None:
        return None
    if message == "meta.v1.Status":
        # A status has the metadata of a list, and Go's encoding leaves none of its texts out.
        obj = {**obj, "metadata": {"selfLink": "", "resourceVersion": "", "continue": "", **obj["metadata"]}}
    about = wire.field(1, wire.text(1, api_version) + wire.text(2, kind))
    return MAGIC + about + wire.field(2, _encode(message, obj)) + wire.text(3, "") + wire.text(4, "")


def encode_event(kind: str, obj: Object) -> bytes | None:
    """One event of a watch, as a frame: four bytes of length, then the event, with the object in its own envelope."""
    inside = encode(obj)
    if inside is None:
        return None
    event = wire.text(1, kind) + wire.field(2, wire.field(1, inside))
    return len(event).to_bytes(4, "big") + event


def message_name(api_version: str, kind: str) -> str | None:
    """The message of a kind: `apps/v1`, `Deployment` is `apps.v1.Deployment`."""
    group, _, version = api_version.rpartition("/")
    own = f"{group.partition('.')[0] or 'core'}.{version}.{kind}"
    # Every group has these of meta/v1 registered as its own, too.
    return next((name for name in (own, f"{_META}.{kind}") if name in _table()), None)


# -- messages ----------------------------------------------------------------------------------------------------


@cache
def _table() -> dict[str, dict[str, str]]:
    path = files("spo.sim.api.builtin") / "wire.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, str]])


@cache
def _fields(message: str) -> dict[int, Field]:
    found = {}
    for name, code in _table()[message].items():
        number = int("".join(sign for sign in code[:3] if sign.isdigit()))
        rest = code[len(str(number)) :]
        sign = rest[0] if rest[0] in "[{?" else ""
        found[number] = Field(name.lstrip("~"), number, sign, rest[len(sign) :], name.startswith("~"))
    return found


def _decode(message: str, data: bytes) -> Object:
    known = _fields(message)
    obj: Object = {}
    for number, raw in wire.fields(data):
        field = known.get(number)
        if field is None:
            continue
        if field.sign == "{":
            key, value = _pair(field, raw)
            obj.setdefault(field.name, {})[key] = value
        elif field.sign == "[":
            obj.setdefault(field.name, []).append(_value(field.type, raw))
        elif field.inline:
            obj.update(_value(field.type, raw))
        else:
            value = _value(field.type, raw)
            if value is not None and (value or field.sign != "?"):
                obj[field.name] = value
    return obj


def _pair(field: Field, raw: bytes | int | float) -> tuple[str, Any]:
    key, value = "", _EMPTY.get(field.type, {})
    for number, part in wire.fields(_bytes(raw)):
        if number == 1:
            key = _bytes(part).decode()
        else:
            value = _value(field.type, part)
    return key, value


def _value(kind: str, raw: bytes | int | float) -> Any:
    scalar = _SCALARS.get(kind)
    if scalar is not None:
        return scalar(raw)
    codec = _CODECS.get(kind)
    return codec[0](_bytes(raw)) if codec else _decode(kind, _bytes(raw))


def _bytes(raw: bytes | int | float) -> bytes:
    if isinstance(raw, bytes):
        return raw
    raise wire.Malformed("proto: wrong wireType")


def _encode(message: str, obj: Object) -> bytes:
    out = b""
    for number, field in sorted(_fields(message).items()):
        if field.inline:
            part = _encode(field.type, obj)
            out += wire.field(number, part) if part else b""
            continue
        value = obj.get(field.name)
        if value is None:
            continue
        if field.sign == "{":
            for key in sorted(value):
                out += wire.field(number, wire.text(1, key) + wire.field(2, _raw(field.type, value[key])))
        else:
            for item in value if field.sign == "[" else (value,):
                out += wire.field(number, _raw(field.type, item))
    return out


def _raw(kind: str, value: Any) -> bytes | int | float:
    raw = _RAW.get(kind)
    if raw is not None:
        return raw(value)
    codec = _CODECS.get(kind)
    return codec[1](value) if codec else _encode(kind, value)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "s": lambda raw: _bytes(raw).decode(),
    "y": lambda raw: base64.b64encode(_bytes(raw)).decode(),
    "i": int,
    "b": bool,
    "d": float,
}
_RAW: dict[str, Callable[[Any], bytes | int | float]] = {
    "s": lambda value: str(value).encode(),
    "y": lambda value: base64.b64decode(value),
    "i": int,
    "b": int,
    "d": float,
}
_EMPTY: dict[str, Any] = {"s": "", "y": "", "i": 0, "b": False, "d": 0.0}


# -- messages that are no object in JSON ---------------------------------------------------------------------------


def _time(data: bytes) -> str | None:
    parts = dict(wire.fields(data))
    return _stamp(parts, "seconds")


def _micro_time(data: bytes) -> str | None:
    return _stamp(dict(wire.fields(data)), "microseconds")


def _stamp(parts: dict[int, Any], precision: str) -> str | None:
    if not parts.get(1):
        return None
    moment = datetime.fromtimestamp(parts[1], UTC).replace(microsecond=int(parts.get(2, 0)) // 1000)
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _raw_time(text: str) -> bytes:
    moment = datetime.fromisoformat(text)
    return wire.field(1, int(moment.timestamp())) + wire.field(2, moment.microsecond * 1000)


def _quantity(data: bytes) -> str:
    return _bytes(dict(wire.fields(data)).get(1, b"")).decode()


def _int_or_string(data: bytes) -> int | str:
    parts = dict(wire.fields(data))
    return _bytes(parts.get(3, b"")).decode() if parts.get(1) else int(parts.get(2, 0))


def _raw_int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return wire.field(1, 1) + wire.field(2, 0) + wire.text(3, value)
    return wire.field(1, 0) + wire.field(2, value) + wire.text(3, "")


def _json(data: bytes) -> Any:
    raw = _bytes(dict(wire.fields(data)).get(1, b""))
    return msgspec.json.decode(raw) if raw else None


def _raw_json(value: Any) -> bytes:
    return wire.field(1, msgspec.json.encode(value))


def _items(data: bytes) -> list[str]:
    return [_bytes(value).decode() for _, value in wire.fields(data)]


def _raw_items(values: list[str]) -> bytes:
    return b"".join(wire.text(1, value) for value in values)


_SCHEMA = "apiextensions.v1.JSONSchemaProps"


def _schema_or_bool(data: bytes) -> Any:
    parts = dict(wire.fields(data))
    return _decode(_SCHEMA, _bytes(parts[2])) if 2 in parts else bool(parts.get(1, 0))


def _raw_schema_or_bool(value: Any) -> bytes:
    if isinstance(value, bool):
        return wire.field(1, int(value))
    return wire.field(1, 1) + wire.field(2, _encode(_SCHEMA, value))


def _schema_or_list(data: bytes) -> Any:
    found = [(number, _decode(_SCHEMA, _bytes(value))) for number, value in wire.fields(data)]
    return found[0][1] if found and found[0][0] == 1 else [schema for _, schema in found]


def _raw_schema_or_list(value: Any) -> bytes:
    if isinstance(value, list):
        return b"".join(wire.field(2, _encode(_SCHEMA, schema)) for schema in value)
    return wire.field(1, _encode(_SCHEMA, value))


_CODECS |= {
    "meta.v1.Time": (_time, _raw_time),
    "meta.v1.MicroTime": (_micro_time, _raw_time),
    "api.resource.Quantity": (_quantity, lambda value: wire.text(1, str(value))),
    "util.intstr.IntOrString": (_int_or_string, _raw_int_or_string),
    "meta.v1.FieldsV1": (_json, _raw_json),
    "pkg.runtime.RawExtension": (_json, _raw_json),
    "apiextensions.v1.JSON": (_json, _raw_json),
    "apiextensions.v1.JSONSchemaPropsOrBool": (_schema_or_bool, _raw_schema_or_bool),
    "apiextensions.v1.JSONSchemaPropsOrArray": (_schema_or_list, _raw_schema_or_list),
    "authentication.v1.ExtraValue": (_items, _raw_items),
    "authorization.v1.ExtraValue": (_items, _raw_items),
}
