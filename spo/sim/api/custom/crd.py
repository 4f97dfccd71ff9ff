"""Custom resources: the kinds a CustomResourceDefinition makes (apiextensions-apiserver, customresource strategy)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from spo.model.resource import Resource
from spo.sim.api.custom.schema import Schema
from spo.sim.api.field_errors import as_json
from spo.sim.api.kinds import METADATA_FIELDS, Column, Kind, Object, Scale
from spo.sim.api.shape import METADATA_SHAPE, Shape
from spo.sim.api.status import FieldError

_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")
_INT32_MAX = (1 << 31) - 1
_GO_TYPES = {
    str: "string", int: "int64", float: "float64", bool: "bool", list: "[]interface {}",
    dict: "map[string]interface {}",
}  # fmt: skip
_AGE = Column("Age", "date", ".metadata.creationTimestamp")


class CustomResource(Kind, frozen=True, kw_only=True):
    """One served version of a CRD, as a kind."""

    schema: Schema
    published: Mapping[str, Any] = {}  # the schema as it was written: OpenAPI documents show it
    selectable: tuple[str, ...] = ()  # fields of its own that field selectors may name

    def unknown_fields(self, obj: Object, untouched: Collection[str] = ()) -> list[str]:
        return self.schema.prune(obj)

    def drop_nulls(self, obj: Object) -> None:
        self.schema.drop_nulls(obj)

    def default(self, obj: Object) -> None:
        self.schema.default(obj)

    def prepare_status(self, obj: Object, old: Object) -> None:
        """Take the status, and nothing of metadata but what the server itself keeps there."""
        super().prepare_status(obj, old)
        new = obj["metadata"]
        kept = {name: new[name] for name in ("resourceVersion", "managedFields") if name in new}
        obj["metadata"] = {**old["metadata"], **kept}

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        errors = self.schema.validate(obj, old)
        if self.scale:
            errors += _replicas(obj, self.scale.spec_replicas)
        return errors + self.schema.check_rules(obj, old, errors)

    def validate_status(self, obj: Object, old: Object) -> list[FieldError]:
        errors = self.schema.validate_status(obj, old)
        if self.scale:
            errors += _replicas(obj, self.scale.status_replicas)
            if self.scale.selector:
                errors += _text(obj, self.scale.selector)
        return errors + self.schema.check_rules(obj, old, errors)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Finalizers without a domain are legal on custom resources, but not liked."""
        before = (old or {}).get("metadata", {}).get("finalizers") or ()
        added = set(obj["metadata"].get("finalizers") or ()) - set(before)
        return [
            f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name to avoid accidental conflicts '
            "with other finalizer writers"
            for name in sorted(added)
            if "/" not in name and name not in _STANDARD_FINALIZERS
        ]


def parse(crd: Object) -> list[CustomResource]:
    """The kinds a valid, defaulted CRD makes: one for each served version, the stored version first."""
    versions = sorted(crd["spec"]["versions"], key=lambda version: not version.get("storage"))
    return [_kind(crd["spec"], version) for version in versions if version.get("served")]


def _kind(spec: Mapping[str, Any], version: Mapping[str, Any]) -> CustomResource:
    names = spec["names"]
    schema = Schema.compile(version["schema"]["openAPIV3Schema"])
    subresources = version.get("subresources") or {}
    selectable = [entry["jsonPath"].removeprefix(".") for entry in version.get("selectableFields") or ()]
    namespaced = spec["scope"] == "Namespaced"
    return CustomResource(
        resource=Resource(spec["group"], version["name"], names["plural"], names["kind"], namespaced),
        singular=names["singular"],
        list_kind=names["listKind"],
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=frozenset(subresources),
        columns=tuple(_columns(version)) or (_AGE,),
        scale=_scale(subresources.get("scale")),
        supported_fields=METADATA_FIELDS | frozenset(selectable),
        shape=_with_metadata(schema.shape),
        custom=True,
        unconditional_update=False,
        schema=schema,
        published=version["schema"]["openAPIV3Schema"],
        selectable=tuple(selectable),
    )


def _columns(version: Mapping[str, Any]) -> Iterator[Column]:
    for entry in version.get("additionalPrinterColumns") or ():
        more = {name: entry[name] for name in ("priority", "format", "description") if name in entry}
        yield Column(entry["name"], entry["type"], entry["jsonPath"], **more)


def _scale(spec: Mapping[str, str] | None) -> Scale | None:
    if spec is None:
        return None
    paths = (spec["specReplicasPath"], spec["statusReplicasPath"], spec.get("labelSelectorPath", ""))
    wanted, present, selector = (tuple(path.split(".")[1:]) for path in paths)
    return Scale(wanted, present, selector)


def _with_metadata(shape: Shape) -> Shape:
    """Metadata merges the same way everywhere, whatever the schema says of it."""
    fields = {**shape.fields, "metadata": METADATA_SHAPE}
    return Shape(type=shape.type, fields=fields, rest=shape.rest)


# -- the numbers of /scale ---------------------------------------------------------------------------------------


class _WrongType(Exception):
    """What stands at the path is not what the accessor expects."""


def _replicas(obj: Object, path: tuple[str, ...]) -> list[FieldError]:
    where = "." + ".".join(path)
    try:
        value = _at(obj, path, int, "int64")
    except _WrongType as wrong:
        return [FieldError(where, "FieldValueInvalid", f"Invalid value: 0: {where} accessor error: {wrong}")]
    if value is not None and value < 0:
        return [FieldError(where, "FieldValueInvalid", f"Invalid value: {value}: should be a non-negative integer")]
    if value is not None and value > _INT32_MAX:
        why = f"should be less than or equal to {_INT32_MAX}"
        return [FieldError(where, "FieldValueInvalid", f"Invalid value: {value}: {why}")]
    return []


def _text(obj: Object, path: tuple[str, ...]) -> list[FieldError]:
    where = "." + ".".join(path)
    try:
        _at(obj, path, str, "string")
    except _WrongType as wrong:
        return [FieldError(where, "FieldValueInvalid", f'Invalid value: "": {where} accessor error: {wrong}')]
    return []


def _at(obj: Any, path: tuple[str, ...], wanted: type, go_type: str) -> Any:
    """The value at a path, None if there is none. Raises _WrongType in the words of unstructured.NestedInt64."""
    value = obj
    for name in path:
        if not isinstance(value, dict):
            raise _WrongType(_what(value, "map[string]interface{}"))
        if name not in value:
            return None
        value = value[name]
    if type(value) is not wanted:
        raise _WrongType(_what(value, go_type))
    return value


def _what(value: Any, wanted: str) -> str:
    shown = value if isinstance(value, str) else as_json(value)
    return f"{shown} is of the type {_GO_TYPES.get(type(value), '<nil>')}, expected {wanted}"
