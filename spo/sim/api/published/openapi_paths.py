"""The paths of OpenAPI documents: what can be asked of a kind, and with which parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spo.sim.api.kinds import Kind
from spo.sim.api.published.openapi_schemas import DELETE_OPTIONS, PATCH, SCALE, STATUS, name_of, reference
from spo.sim.api.resources import Served

Object = dict[str, Any]

_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
_STRATEGIC = "application/strategic-merge-patch+json"
_TYPES = {"force": "boolean", "watch": "boolean", "allowWatchBookmarks": "boolean", "sendInitialEvents": "boolean"}
_TYPES |= {
    "orphanDependents": "boolean",
    "limit": "integer",
    "timeoutSeconds": "integer",
    "gracePeriodSeconds": "integer",
}
_WRITING = ("dryRun", "fieldManager", "fieldValidation")
_SELECTING = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch")
_LISTING = ("allowWatchBookmarks", *_SELECTING, "sendInitialEvents", "timeoutSeconds", "watch")
_DELETING = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_ACTIONS: dict[str, tuple[str, str, tuple[str, ...], str]] = {  # verb → method, action, parameters, description
    "list": ("get", "list", _LISTING, "list or watch objects of kind {}"),
    "create": ("post", "post", _WRITING, "create a {}"),
    "deletecollection": ("delete", "deletecollection", (*_SELECTING, *_DELETING), "delete collection of {}"),
    "get": ("get", "get", (), "read the specified {}"),
    "update": ("put", "put", _WRITING, "replace the specified {}"),
    "patch": ("patch", "patch", (*_WRITING, "force"), "partially update the specified {}"),
    "delete": ("delete", "delete", _DELETING, "delete a {}"),
}
_TEXTS = {
    "dryRun": "When present, indicates that modifications should not be persisted. Valid values are: All",
    "fieldManager": "fieldManager is a name associated with the actor or entity that is making these changes.",
    "fieldValidation": "fieldValidation instructs the server on how to handle objects in the request (POST/PUT/PATCH) "
    "containing unknown or duplicate fields. Valid values are: Ignore, Warn, Strict",
    "force": 'Force is going to "force" Apply requests: fields owned by others are taken over.',
}


def paths(served: Served) -> Iterator[tuple[str, Object]]:
    """Every path of a kind, with its operations."""
    kind = served.kind
    resource = kind.resource
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    place = [_parameter("namespace", "path")] if resource.namespaced else []
    where = f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"{root}/{resource.plural}"
    yield where, _item(kind, ("list", "create", "deletecollection"), name_of(kind), place)
    if resource.namespaced and "list" in kind.verbs:
        yield f"{root}/{resource.plural}", _item(kind, ("list",), name_of(kind), [])
    if "get" not in kind.verbs:
        return
    named = [_parameter("name", "path"), *place]
    yield f"{where}/{{name}}", _item(kind, ("get", "update", "patch", "delete"), name_of(kind), named)
    for name in ("scale", "status"):
        if name in kind.subresources:
            schema = SCALE if name == "scale" else name_of(kind)
            yield f"{where}/{{name}}/{name}", _item(kind, ("get", "update", "patch"), schema, named, name)


def _item(kind: Kind, verbs: tuple[str, ...], schema: str, parameters: list[Object], below: str = "") -> Object:
    item: Object = {"parameters": [*parameters, _parameter("pretty", "query")]}
    for verb in verbs:
        if verb in kind.verbs:
            method = _ACTIONS[verb][0]
            item[method] = _operation(kind, verb, schema, below)
    return item


def _operation(kind: Kind, verb: str, schema: str, below: str) -> Object:
    resource = kind.resource
    method, action, parameters, text = _ACTIONS[verb]
    answer = {"list": name_of(kind, of_list=True), "delete": STATUS, "deletecollection": STATUS}.get(verb, schema)
    group = resource.group or "core"
    space = "Namespaced" if resource.namespaced else ""
    operation: Object = {
        "tags": [f"{_camel(group, lower=True)}_{resource.version}"],
        "description": (f"{below} of the specified {{}}" if below else text).format(resource.kind),
        "operationId": f"{verb}{_camel(group)}{resource.version.title()}{space}{resource.kind}{below.title()}",
        "responses": {"200": _response(answer), "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind(kind, below),
    }
    if parameters:
        operation["parameters"] = [_parameter(name, "query") for name in parameters]
    if method in ("post", "put", "patch", "delete"):
        operation["requestBody"] = _body(kind, verb, schema)
    return operation


def _kind(kind: Kind, below: str) -> Object:
    resource = kind.resource
    if below == "scale":
        return {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _body(kind: Kind, verb: str, schema: str) -> Object:
    if verb == "patch":
        types = _PATCHES if kind.custom else (*_PATCHES, _STRATEGIC)
        return {"content": {name: {"schema": reference(PATCH)} for name in types}, "required": True}
    if verb in ("delete", "deletecollection"):
        return {"content": {"*/*": {"schema": reference(DELETE_OPTIONS)}}}
    return {"content": {"*/*": _schema(schema)}, "required": True}


def _schema(name: str) -> Object:
    return {"schema": reference(name)} if name else {}


def _response(schema: str) -> Object:
    types = ("application/json", "application/yaml")
    return {"description": "OK", "content": {name: _schema(schema) for name in types}}


def _parameter(name: str, place: str) -> Object:
    found: Object = {"name": name, "in": place, "schema": {"type": _TYPES.get(name, "string"), "uniqueItems": True}}
    if name in _TEXTS:
        found["description"] = _TEXTS[name]
    if place == "path":
        found["required"] = True
    return found


def _camel(group: str, lower: bool = False) -> str:
    words = group.removesuffix(".k8s.io").replace("-", ".").split(".")
    camel = "".join(word[:1].upper() + word[1:] for word in words)
    return camel[:1].lower() + camel[1:] if lower else camel


# -- OpenAPI v2 --------------------------------------------------------------------------------------------------


def as_v2(item: Object) -> Object:
    """The operations of a path in the terms of swagger 2.0."""
    shown: Object = {}
    for method, operation in item.items():
        if method == "parameters":
            shown[method] = [_flat(parameter) for parameter in operation]
            continue
        found = {key: value for key, value in operation.items() if key not in ("requestBody", "responses")}
        found["parameters"] = [_flat(parameter) for parameter in operation.get("parameters", ())]
        found["produces"] = ["application/json", "application/yaml"]
        if method == "patch":
            found["consumes"] = list(operation["requestBody"]["content"])
        elif "requestBody" in operation:
            found["consumes"] = ["*/*"]
        found["responses"] = {
            code: {"description": said["description"]} for code, said in operation["responses"].items()
        }
        shown[method] = found
    return shown


def _flat(parameter: Object) -> Object:
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter["schema"]}
