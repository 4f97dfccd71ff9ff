"""What a client sent: JSON or YAML into an object, and what the API server says when it cannot be read."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from spo.sim.api.metadata import go_type
from spo.sim.api.status import ApiError, bad_request

Object = dict[str, Any]
T = TypeVar("T")

BODY_BYTES_MAX = 3 << 20
# Go stops at 10,000. Here what reads, prunes, merges and compares objects is recursive: deeper than any real object.
DEPTH_MAX = 200
_TOO_DEEP = "exceeded max depth"
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_LONG_NUMBER = re.compile(rb"\d{19}")
PROTOBUF = "application/vnd.kubernetes.protobuf"
_ACCEPTED = f"application/json, application/yaml, {PROTOBUF}"
_JSON_COMPLAINTS = {
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting value": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
    "Extra data": "after top-level value",
}


class Unreadable(Exception):
    """Not what its media type says; the text is encoding/json's or apimachinery's."""

    def __init__(self, text: str, of_json: bool = True) -> None:
        super().__init__(text)
        self.of_json = of_json

    @property
    def why(self) -> str:
        """As a decoder of objects says it."""
        return no_version_or_kind(str(self)) if self.of_json else str(self)


def check_size(body: bytes) -> None:
    """413 for a body the server would not take in."""
    if len(body) > BODY_BYTES_MAX:
        raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {BODY_BYTES_MAX}")


def unsupported_media(accepted: str = _ACCEPTED) -> ApiError:
    text = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", text)


def decode(body: bytes, media_type: str) -> Any:
    """Any JSON value. Raises Unreadable, or ApiError 415."""
    if media_type in ("application/json", ""):
        return decode_json(body)
    if media_type == "application/yaml":
        return decode_yaml(body)
    if media_type == PROTOBUF:
        return _decode_protobuf(body)
    raise unsupported_media()


def _decode_protobuf(body: bytes) -> Object:
    from spo.sim.api.encoding import protobuf  # kubectl and Go clients send it, nobody in this process does

    try:
        return protobuf.decode(body)
    except protobuf.Unreadable as fault:
        raise Unreadable(str(fault), of_json=False) from None


def decode_struct(body: bytes, media_type: str, kind: str, *, or_null: bool = False) -> Object:
    """What should be an object of that kind (null, where it may be, is an empty one). Raises ApiError 400, 415."""
    try:
        value = decode(body, media_type)
    except Unreadable as fault:
        raise unrecognized(kind, fault.why, body) from None
    if value is None and or_null:
        return {}
    if not isinstance(value, dict):
        raise unrecognized(kind, no_version_or_kind(not_a_struct(value)), body)
    return value


def decode_json(body: bytes) -> Any:
    """Any JSON value; what is not UTF-8 in a text is replaced, as Go does. Raises Unreadable."""
    check_depth(body)
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError:
        return decode_json(body.decode("utf-8", "spo-each-byte").encode())
    except msgspec.DecodeError:
        raise Unreadable(_go_complaint(body)) from None
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    """Go's decoder puts one U+FFFD for each byte that belongs to no character."""
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("spo-each-byte", _each_byte)


def check_depth(body: bytes) -> None:
    """Raises Unreadable for JSON that is nested deeper than `DEPTH_MAX`; brackets in texts do not count."""
    if body.count(b"{") + body.count(b"[") <= DEPTH_MAX:
        return
    depth = 0
    for token in _BRACKETS.finditer(body):
        bracket = token[0]
        if bracket in b"{[":
            depth += 1
            if depth > DEPTH_MAX:
                raise Unreadable(f"invalid character '{bracket.decode()}' {_TOO_DEEP}")
        elif bracket in b"}]":
            depth -= 1


def untyped(obj: Object, body: bytes) -> Object:
    """As Go decodes what has no types: integers beyond 64 bits become floats."""
    return _untyped(obj) if _LONG_NUMBER.search(body) else obj


def _untyped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _untyped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_untyped(inner) for inner in value]
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return float(value)
    return value


def decode_yaml(body: bytes) -> Any:
    """YAML as sigs.k8s.io/yaml reads it: 1.1 booleans (`y`, `no`), no dates. JSON is YAML. Raises Unreadable."""
    if body[:1] == b"{":
        try:
            return decode_json(body)
        except Unreadable:
            pass
    from spo.sim.api.encoding import yaml11  # PyYAML is slow to import, and rarely needed

    try:
        return yaml11.load(body)
    except yaml11.Unreadable as fault:
        text = f"error converting YAML to JSON: yaml: {fault}" if fault.of_yaml else str(fault)
        raise Unreadable(text, of_json=fault.of_yaml) from None


class Pairs(list[tuple[str, Any]]):
    """An object with its keys as often as they were written."""


def repeated(body: bytes, decoded: Any) -> Pairs | None:
    """The body with its repeated keys, if it has any."""
    # A client in this process sends what msgspec encodes: then equal length proves that nothing was lost in decoding.
    if len(msgspec.json.encode(decoded)) == len(body):
        return None
    try:
        pairs = json.loads(body, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return None
    return pairs if isinstance(pairs, Pairs) and duplicates(pairs) else None


def repeated_in_yaml(body: bytes, decoded: Any) -> str:
    """go-yaml's complaint about keys that stand more than once; empty if there are none."""
    if body[:1] == b"{" and repeated(body, decoded) is None:
        return ""
    from spo.sim.api.encoding.yaml11 import repeated_keys

    found = repeated_keys(body)
    return "error converting YAML to JSON: yaml: unmarshal errors:\n  " + "\n  ".join(found) if found else ""


def in_order(problems: list[str], body: Pairs) -> list[str]:
    """Problems of a typed object in the order in which a reader of the body comes upon them."""
    places = {text: place for place, text in reversed(list(enumerate(_possible(body, ""))))}
    return sorted(problems, key=lambda text: places.get(text, len(places)))


def _possible(value: Any, path: str) -> Iterator[str]:
    """What could be said of each key, in order."""
    if isinstance(value, Pairs):
        seen: dict[str, None] = {}
        for key, inner in value:
            place = f"{path}.{key}" if path else key
            yield f'{"duplicate" if key in seen else "unknown"} field "{place}"'
            seen[key] = None
            yield from _possible(inner, place)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _possible(inner, f"{path}[{index}]")


def duplicates(value: Any, path: str = "") -> list[str]:
    """The paths of keys that stand more than once in an object."""
    found: dict[str, None] = {}
    if isinstance(value, Pairs):
        seen: dict[str, None] = {}
        for key, inner in value:
            place = f"{path}.{key}" if path else key
            found.update(dict.fromkeys(duplicates(inner, place)))
            if key in seen:
                found[place] = None
            seen[key] = None
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found.update(dict.fromkeys(duplicates(inner, f"{path}[{index}]")))
    return list(found)


def joined(value: Any) -> Any:
    """As Go decodes into a typed object: of a scalar the last counts, objects of the same key are merged."""
    if isinstance(value, Pairs):
        out: dict[str, Any] = {}
        for key, inner in value:
            new, before = joined(inner), out.get(key)
            out[key] = {**before, **new} if isinstance(before, dict) and isinstance(new, dict) else new
        return out
    return [joined(inner) for inner in value] if isinstance(value, list) else value


def unrecognized(kind: str, why: str, body: bytes) -> ApiError:
    """400 for a body that is no object at all."""
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({_summary(body)})")


def fitted(value: Any, wanted: type[T]) -> T:
    """A decoded body as a small type of ours; what it does not know is left out. Raises ApiError 400."""
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as fault:
        raise bad_request(f"json: cannot unmarshal into Go value of type {wanted.__name__}: {fault}") from None


def no_version_or_kind(why: str) -> str:
    return f"couldn't get version/kind; json parse error: {why}"


def not_a_struct(value: Any) -> str:
    """encoding/json's text when a list or a text stands where an object should."""
    shape = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
    return f"json: cannot unmarshal {go_type(value)} into Go value of type {shape}"


def _summary(body: bytes) -> str:
    if not body:
        return "<empty>"
    shown = body[:30].decode("utf-8", "replace") if body[:1] == b"{" else body[:30].hex()
    return shown + " ..." if len(body) > 30 else shown


def _go_complaint(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            return "unexpected end of JSON input"
        where = next((go for python, go in _JSON_COMPLAINTS.items() if error.msg.startswith(python)), "in literal")
        return f"invalid character '{text[error.pos]}' {where}"
    return "invalid UTF-8 in string"
