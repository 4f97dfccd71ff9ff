"""An OpenAPI v2 document as gnostic's protobuf, in which older kubectl reads it (openapiv2/OpenAPIv2.proto)."""

from __future__ import annotations

from typing import Any

import msgspec

from spo.sim.api.encoding import protobuf_wire as wire

Object = dict[str, Any]

_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_REALS = {"multipleOf": 6, "maximum": 7, "minimum": 9}
_WHOLES = {
    "exclusiveMaximum": 8, "exclusiveMinimum": 10, "maxLength": 11, "minLength": 12, "maxItems": 14, "minItems": 15,
    "uniqueItems": 16, "maxProperties": 17, "minProperties": 18,
}  # fmt: skip


def encode(document: Object) -> bytes:
    """The document: its operations with what kubectl looks for, and all definitions."""
    info = wire.text(1, document["info"]["title"]) + wire.text(2, document["info"]["version"])
    paths = b"".join(wire.field(2, _named(path, _path(item))) for path, item in document["paths"].items())
    schemas = b"".join(wire.field(1, _named(name, _schema(s))) for name, s in document["definitions"].items())
    return wire.text(1, document["swagger"]) + wire.field(2, info) + wire.field(8, paths) + wire.field(9, schemas)


def _named(name: str, value: bytes) -> bytes:
    return wire.text(1, name) + wire.field(2, value)


def _any(value: Any) -> bytes:
    return wire.text(2, msgspec.json.encode(value).decode())  # JSON is YAML


def _extensions(number: int, obj: Object) -> bytes:
    return b"".join(wire.field(number, _named(key, _any(value))) for key, value in obj.items() if key.startswith("x-"))


_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 7}


def _path(item: Object) -> bytes:
    return b"".join(
        wire.field(_METHODS[method], _operation(operation)) for method, operation in item.items() if method in _METHODS
    )


def _operation(operation: Object) -> bytes:
    out = wire.text(3, operation["description"]) + wire.text(5, operation["operationId"])
    out += b"".join(wire.text(6, name) for name in operation["produces"])
    out += b"".join(wire.text(7, name) for name in operation.get("consumes", ()))
    for parameter in operation["parameters"]:
        query = wire.text(2, "query") + wire.text(4, parameter["name"]) + wire.text(6, parameter["type"])
        # ParametersItem.parameter, Parameter.non_body_parameter, NonBodyParameter.query_parameter_sub_schema
        out += wire.field(8, wire.field(1, wire.field(2, wire.field(3, query))))
    return out + _extensions(13, operation)


def _schema(schema: Object) -> bytes:
    out = b""
    for key, value in schema.items():
        if key in _TEXTS:
            out += wire.text(_TEXTS[key], value)
        elif key in _REALS:
            out += wire.field(_REALS[key], float(value))
        elif key in _WHOLES:
            out += wire.field(_WHOLES[key], int(value))
    if "default" in schema:
        out += wire.field(5, _any(schema["default"]))
    out += b"".join(wire.text(19, name) for name in schema.get("required") or ())
    out += b"".join(wire.field(20, _any(value)) for value in schema.get("enum") or ())
    more = schema.get("additionalProperties")
    if more is not None:
        out += wire.field(21, wire.field(2, int(more)) if isinstance(more, bool) else wire.field(1, _schema(more)))
    if "type" in schema:
        out += wire.field(22, wire.text(1, schema["type"]))
    if isinstance(schema.get("items"), dict):
        out += wire.field(23, wire.field(1, _schema(schema["items"])))
    if schema.get("properties"):
        named = (wire.field(1, _named(name, _schema(inner))) for name, inner in schema["properties"].items())
        out += wire.field(25, b"".join(named))
    return out + _extensions(31, schema)
