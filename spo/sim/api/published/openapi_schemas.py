"""The schemas of OpenAPI documents: built-in kinds' from `builtin/openapi.json`, custom resources' from their CRDs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from spo.sim.api.custom.crd import CustomResource
from spo.sim.api.kinds import Kind
from spo.sim.api.resources import Served

Object = dict[str, Any]

REF = "#/components/schemas/"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
STATUS, PATCH, DELETE_OPTIONS = META + "Status", META + "Patch", META + "DeleteOptions"
SCALE = "io.k8s.api.autoscaling.v1.Scale"
_KIND_KEY = "x-kubernetes-group-version-kind"
_REFERENCE = re.compile(rf'"{REF}([^"]+)"'.encode())
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_OF_EVERY_OBJECT: Object = {
    "apiVersion": {
        "description": "APIVersion defines the versioned schema of this representation of an object. Servers should "
        "convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: "
        f"{_CONVENTIONS}#resources",
        "type": "string",
    },
    "kind": {
        "description": "Kind is a string value representing the REST resource this object represents. Servers may "
        "infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: "
        f"{_CONVENTIONS}#types-kinds",
        "type": "string",
    },
}


def reference(name: str) -> Object:
    return {"$ref": REF + name}


@cache
def _builtin() -> dict[str, msgspec.Raw]:
    path = files("spo.sim.api.builtin") / "openapi.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])


@cache
def _names() -> dict[tuple[str, str, str], str]:
    """Group, version and kind to the name of the schema; options and such, which every group has, are not there."""
    found = {}
    for name, raw in _builtin().items():
        kinds = msgspec.json.decode(raw).get(_KIND_KEY, ())
        if len(kinds) == 1:
            found[kinds[0]["group"], kinds[0]["version"], kinds[0]["kind"]] = name
    return found


def name_of(kind: Kind, of_list: bool = False) -> str:
    """The schema of a kind, or of a list of it; empty if there is none."""
    resource = kind.resource
    shown = (kind.list_kind or resource.kind + "List") if of_list else resource.kind
    if kind.custom:
        return ".".join((*reversed(resource.group.split(".")), resource.version, shown))
    return _names().get((resource.group, resource.version, shown), "")


def schemas(kinds: Iterable[Served]) -> Object:
    """Those of some kinds, and all that they are made of."""
    found: Object = {}
    wanted = [STATUS, PATCH, DELETE_OPTIONS]
    for served in kinds:
        kind = served.kind
        names = [name for name in (name_of(kind), name_of(kind, of_list=True)) if name]
        if isinstance(kind, CustomResource):
            found[names[0]], found[names[1]] = _custom(kind), _custom_list(kind, served.list_kind)
            wanted += _mentioned(msgspec.json.encode([found[name] for name in names]))
        else:
            wanted += names
        if "scale" in kind.subresources:
            wanted.append(SCALE)
    while wanted:
        name = wanted.pop()
        if name not in found and name in _builtin():
            raw = _builtin()[name]
            found[name] = msgspec.json.decode(raw)
            wanted += _mentioned(bytes(raw))
    return dict(sorted(found.items()))


def _mentioned(encoded: bytes) -> list[str]:
    return [name.decode() for name in _REFERENCE.findall(encoded)]


# -- custom resources (apiextensions-apiserver, controller/openapi/builder) ---------------------------------------


def _custom(kind: CustomResource) -> Object:
    schema = _as_published(dict(kind.published))
    metadata: Object = {"allOf": [reference(META + "ObjectMeta")]}
    metadata["description"] = f"Standard object's metadata. More info: {_CONVENTIONS}#metadata"
    if schema.get("properties") is not None or not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema["properties"] = {**schema.get("properties", {}), **_OF_EVERY_OBJECT, "metadata": metadata}
    return {"type": "object", **schema, **_marks(kind, kind.resource.kind)}


def _as_published(schema: Any) -> Any:
    """An embedded object has the fields of every object."""
    if isinstance(schema, list):
        return [_as_published(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    shown = {
        key: inner if key in ("default", "enum", "example") else _as_published(inner) for key, inner in schema.items()
    }
    if shown.get("x-kubernetes-int-or-string") is True and "anyOf" not in shown:
        shown["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if shown.get("x-kubernetes-embedded-resource") is True:
        metadata = {"allOf": [reference(META + "ObjectMeta")]}
        shown["properties"] = {**shown.get("properties", {}), **_OF_EVERY_OBJECT, "metadata": metadata}
    return shown


def _custom_list(kind: CustomResource, list_kind: str) -> Object:
    items: Object = {"type": "array", "items": reference(name_of(kind))}
    items["description"] = f"List of {kind.resource.plural}. More info: {_CONVENTIONS}"
    metadata: Object = {"allOf": [reference(META + "ListMeta")]}
    metadata["description"] = f"Standard list metadata. More info: {_CONVENTIONS}#types-kinds"
    return {
        "description": f"{list_kind} is a list of {kind.resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {**_OF_EVERY_OBJECT, "items": items, "metadata": metadata},
        **_marks(kind, list_kind),
    }


def _marks(kind: CustomResource, shown: str) -> Object:
    resource = kind.resource
    marks: Object = {_KIND_KEY: [{"group": resource.group, "kind": shown, "version": resource.version}]}
    if kind.selectable:
        marks["x-kubernetes-selectable-fields"] = [{"fieldPath": field} for field in kind.selectable]
    return marks


# -- OpenAPI v2 --------------------------------------------------------------------------------------------------

# What swagger 2.0 cannot say is left out (builder.ToStructuralOpenAPIV2), with all below that says less without it.
_NOT_IN_V2 = frozenset({"oneOf", "anyOf", "allOf", "not", "nullable", "x-kubernetes-validations"})


def definition_v2(schema: Object) -> Object:
    """The schema of a whole object in swagger 2.0: one that takes anything says nothing, or kubectl would take it for
    all there is (builder.buildKubeNative).
    """
    if _KIND_KEY in schema and schema.get("x-kubernetes-preserve-unknown-fields") is True:
        return {"type": "object", _KIND_KEY: schema[_KIND_KEY]}
    return as_v2(schema)  # type: ignore[no-any-return]


def as_v2(schema: Any) -> Any:
    """A schema in the terms of swagger 2.0."""
    if isinstance(schema, list):
        return [as_v2(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    shown = {
        key: as_v2(inner)
        for key, inner in schema.items()
        if key not in _NOT_IN_V2 or not isinstance(inner, (list, bool))
    }
    target = schema.get("allOf") or ([schema] if "$ref" in schema else [])
    if isinstance(target, list) and len(target) == 1 and isinstance(target[0], dict) and "$ref" in target[0]:
        shown = {key: inner for key, inner in shown.items() if key not in ("default", "allOf")}
        shown["$ref"] = "#/definitions/" + target[0]["$ref"].removeprefix(REF)
    return shown
