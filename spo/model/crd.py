"""The CustomResourceDefinitions of our kinds, made from the nouns and the rules beside their fields."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Struct

from spo.model import kinds
from spo.model.kinds import OurKind
from spo.model.labels import APP_LABELS
from spo.model.rule import FieldRule

Schema = dict[str, Any]


def definitions() -> list[Schema]:
    """The manifests of all our CustomResourceDefinitions, in the order of their names."""
    return sorted((definition(kind) for kind in kinds.OURS), key=lambda crd: str(crd["metadata"]["name"]))


def definition(kind: OurKind) -> Schema:
    """The CustomResourceDefinition (apiextensions.k8s.io/v1) of one kind."""
    resource = kind.resource
    version: Schema = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [dict(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": root_schema(kind)},
    }
    if kind.status_subresource:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.storage, "labels": dict(APP_LABELS)},
        "spec": {
            "group": resource.group,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": kind.singular,
                "shortNames": [kind.short],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def root_schema(kind: OurKind) -> Schema:
    """The schema of a whole object: the noun's, with the three fields that every object has."""
    schema = schema_of(kind.noun)
    fields: Schema = {name: field for name, field in schema["properties"].items() if name != "metadata"}
    metadata: Schema = {"type": "object"}
    if kind.name_max is not None:
        metadata["properties"] = {"name": {"type": "string", "maxLength": kind.name_max}}
    schema["properties"] = {
        "apiVersion": {"type": "string", "description": "The version of the API that this object is written in."},
        "kind": {"type": "string", "description": "The kind of this object."},
        "metadata": metadata,
        **dict(sorted(fields.items())),
    }
    for name, flat in kind.refused.items():
        schema["properties"]["spec"]["properties"][name] = _refused(flat)
    return schema


def _refused(flat: str) -> Schema:
    why = f"Must not be set: it belongs to a newer form of this object. Set {flat} in spec."
    return {
        "type": "object",
        "description": why,
        "x-kubernetes-preserve-unknown-fields": True,
        "x-kubernetes-validations": [{"rule": "false", "message": why}],  # who sets it reads the remedy
    }


def schema_of(hint: Any) -> Schema:
    """The structural schema of a type (Struct, tuple, mapping, plain value), with the rules it is annotated with.

    Raises TypeError for a type that the API has no schema for.
    """
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        schema = schema_of(inner)
        for note in notes:
            if isinstance(note, FieldRule):
                _demand(schema, note)
        return schema
    if isinstance(hint, type) and issubclass(hint, Struct):
        return _struct(hint)
    if get_origin(hint) in (types.UnionType, typing.Union):
        return _union(hint)
    if get_origin(hint) is tuple:
        return {"type": "array", "items": schema_of(get_args(hint)[0])}
    if get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": schema_of(get_args(hint)[1])}
    if hint in PLAIN:
        return dict(PLAIN[hint])
    raise TypeError(f"{hint} has no place in a structural schema")


PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer", "format": "int32"},
}


def _union(hint: Any) -> Schema:
    """Optional is what every field is; the one real union of our API is an integer or a text."""
    options = [option for option in get_args(hint) if option is not type(None)]
    if len(options) == 1:
        return schema_of(options[0])
    if set(options) == {int, str}:
        return {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
    raise TypeError(f"{hint} has no place in a structural schema")


def _struct(struct: type[Struct]) -> Schema:
    schema: Schema = {"type": "object", "description": (struct.__doc__ or "").split("\n\n")[0].strip()}
    hints = get_type_hints(struct, include_extras=True)
    fields = msgspec.structs.fields(struct)
    schema["properties"] = {each.encode_name: schema_of(hints[each.name]) for each in fields}
    required = sorted(each.encode_name for each in fields if each.required or _required(hints[each.name]))
    if required:
        schema["required"] = required
    return schema


def _required(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(
        isinstance(note, FieldRule) and note.required for note in get_args(hint)
    )


# FieldRule field -> schema field, where one is the other.
SAME = {
    "text": "description",
    "pattern": "pattern",
    "format": "format",
    "min_length": "minLength",
    "max_length": "maxLength",
    "minimum": "minimum",
    "maximum": "maximum",
    "min_items": "minItems",
    "max_items": "maxItems",
    "list_type": "x-kubernetes-list-type",
}


def _demand(schema: Schema, note: FieldRule) -> None:
    """Write a rule into a schema."""
    for field, name in SAME.items():
        value = getattr(note, field)
        if value is not None and value != "":
            schema[name] = value
    if note.enum:
        schema["enum"] = list(note.enum)
    if note.list_keys:
        schema["x-kubernetes-list-map-keys"] = list(note.list_keys)
    if note.default is not UNSET:
        schema["default"] = note.default
