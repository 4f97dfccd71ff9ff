"""The face every kind of object shows the API server, be it built in or defined by a CustomResourceDefinition.

The server takes an object that came in through these steps, in this order:

    create   unknown_fields → drop_nulls → default → prepare_create → validate(obj, None)
    update   unknown_fields → drop_nulls → default → prepare_update → validate(obj, old)
    status   unknown_fields → drop_nulls → default → prepare_status → validate_status(obj, old)

Server-side apply leaves out drop_nulls: there a null is a value (recorded: 422 for a field that is not nullable). Each
step changes the object it is given (a copy of the server's own) and nothing else. What all kinds share stays with the
server: names, uids, `resourceVersion`, time stamps, finalizers, owner references, labels, annotations, deletion.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from spo.model.resource import Resource
from spo.sim.api.shape import PLAIN, Shape
from spo.sim.api.status import FieldError

Object = dict[str, Any]

OF_STATUS = ("approval", "status")  # sub-resources that write the status, and nothing else
METADATA_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


class Undecodable(Exception):
    """The object does not fit the kind's types; the text is upstream's: `json: cannot unmarshal number into …`.

    POST and PUT are answered with 400 `K in version "v1" cannot be handled as a K: <text>`, PATCH with 422 for `patch`.
    """


class Scale(Struct, frozen=True):
    """Where the sub-resource `scale` finds its numbers, as paths of keys: `("spec", "replicas")`."""

    spec_replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    selector: tuple[str, ...] = ()
    plain_selector: bool = False  # a map of labels, as ReplicationControllers have it


class Column(Struct, frozen=True):
    """One column of a `Table` answer; `json_path` is kubectl's dialect without braces: `.status.status`."""

    name: str
    type: str
    json_path: str
    priority: int = 0
    format: str = ""
    description: str = ""


class Kind(Struct, frozen=True, kw_only=True):
    """What the API server must know of a kind. A plain `Kind` accepts everything, defaults nothing, has no status."""

    resource: Resource
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()  # "status", "scale", "eviction", …
    verbs: tuple[str, ...] = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    columns: tuple[Column, ...] = ()
    scale: Scale | None = None
    supported_fields: frozenset[str] = METADATA_FIELDS  # field selectors may name these
    shape: Shape = PLAIN  # how apply and strategic merge walk its lists and maps
    custom: bool = False  # defined by a CRD: list items carry their kind, no strategic merge patch, prune by schema
    generation: bool = True  # counts changes of anything but metadata and status
    unconditional_update: bool = True  # PUT without resourceVersion replaces whatever stands there
    create_on_update: bool = False  # PUT of a missing object creates it
    returns_object_on_delete: bool = False  # DELETE answers the object instead of a Status

    def unknown_fields(self, obj: Object, untouched: Collection[str] = ()) -> list[str]:
        """Remove fields this kind does not know; gives their paths as error texts write them: `spec.rules[0].x`.

        `untouched`: fields at the top that stand as they were taken in before; they need not be looked into again.
        Raises Undecodable.
        """
        return []

    def drop_nulls(self, obj: Object) -> None:
        """Remove nulls where null is no value of the field."""

    def default(self, obj: Object) -> None:
        """Fill in what the client left out."""

    def prepare_create(self, obj: Object) -> None:
        """Drop what a client may not set on creation (status), and start the generation."""
        if "status" in self.subresources:
            obj.pop("status", None)
        if self.generation:
            obj["metadata"]["generation"] = 1

    def prepare_update(self, obj: Object, old: Object) -> None:
        """Keep what this write may not touch (status), and count the generation."""
        if "status" in self.subresources:
            _keep(obj, old, "status")
        if self.generation:
            self._count(obj, old)

    def prepare_status(self, obj: Object, old: Object) -> None:
        """Keep everything but status (PUT and PATCH of `/status`)."""
        for field in [field for field in (*obj, *old) if field not in ("status", "metadata")]:
            _keep(obj, old, field)
        if self.generation:
            _keep(obj["metadata"], old["metadata"], "generation")

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """What is wrong with a new object, or with a change of `old`."""
        return []

    def validate_status(self, obj: Object, old: Object) -> list[FieldError]:
        """What is wrong with a write of `/status`."""
        return []

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Texts for `Warning: 299` headers of a write that is accepted."""
        return []

    def fields(self, obj: Object) -> Mapping[str, str]:
        """The values field selectors compare; every supported field has one, absent ones are empty."""
        return {field: text_at(obj, field) for field in self.supported_fields}

    def field_refusal(self, field: str) -> str:
        """The text for a selector of an unsupported field (API server: conversion functions differ between kinds)."""
        return f"field label not supported: {field}"

    def _count(self, obj: Object, old: Object) -> None:
        before = old["metadata"].get("generation", 1)
        obj["metadata"]["generation"] = before + (self._content(obj) != self._content(old))

    def _content(self, obj: Object) -> Object:
        outside = ("metadata", "status") if "status" in self.subresources else ("metadata",)
        return {field: value for field, value in obj.items() if field not in outside}


class View(Kind, frozen=True, kw_only=True):
    """A kind that shows, under its own names, what another kind stores."""

    storage: str  # the other's StoreKey.resource

    def shown(self, stored: Object) -> Object:
        """A stored object as this kind has it."""
        raise NotImplementedError

    def stored(self, shown: Object) -> Object:
        """An object of this kind as it is stored; metadata stays the same object."""
        raise NotImplementedError


def text_at(obj: Object, field: str) -> str:
    """The value at a dotted path as field selectors see it: text, or empty."""
    value: Any = obj
    for step in field.split("."):
        if not isinstance(value, dict) or step not in value:
            return ""
        value = value[step]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else ""


def clone(value: Any) -> Any:
    """A copy of a JSON value that shares nothing that can change."""
    # Through bytes and back is four times as fast as walking the value.
    return msgspec.json.decode(msgspec.json.encode(value)) if isinstance(value, (dict, list)) else value


def _keep(obj: Object, old: Object, field: str) -> None:
    if field in old:
        obj[field] = clone(old[field])
    else:
        obj.pop(field, None)
