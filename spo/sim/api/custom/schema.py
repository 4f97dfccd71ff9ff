"""Structural schemas of custom resources: what is pruned, nulled and filled in (apiextensions, "structural schema").

A schema is compiled once, when its CRD is established, into a tree of `Schema` nodes; each node knows whether there is
anything to do below it, so a walk visits only what can change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spo.sim.api.custom.rules import ValidationRule, rules_of
from spo.sim.api.custom.schema_validation import Check, compile_check
from spo.sim.api.kinds import Object, clone
from spo.sim.api.shape import PLAIN, Shape
from spo.sim.api.status import FieldError

UNSET: Any = object()
_ROOT_FIELDS = ("apiVersion", "kind", "metadata")  # never pruned; the server knows their types
_INCOMPLETE = FieldError(
    "<nil>",
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
# Errors after which CEL rules are not tried (customresource strategy, hasBlockingErr).
_BLOCKING = frozenset(f"FieldValue{word}" for word in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid"))


class Schema:
    """One node of a structural schema; the root speaks for the whole object."""

    fills: bool  # is there a default somewhere below?
    _pruning: bool  # is there something below that can hold unknown fields or nulls?

    __slots__ = (
        "_check", "_defaulting", "_nulling", "_pruning", "_rules", "additional", "default_value", "embedded", "fills",
        "items", "nullable", "preserves", "properties", "shape",
    )  # fmt: skip

    def __init__(self, node: Mapping[str, Any]) -> None:
        self.properties = {name: Schema(child) for name, child in (node.get("properties") or {}).items()}
        additional = node.get("additionalProperties")
        self.additional = Schema(additional) if isinstance(additional, dict) else None
        self.items = Schema(node["items"]) if isinstance(node.get("items"), dict) else None
        self.preserves = bool(node.get("x-kubernetes-preserve-unknown-fields")) or additional is True
        self.embedded = bool(node.get("x-kubernetes-embedded-resource"))
        self.nullable = bool(node.get("nullable"))
        self.default_value = node.get("default", UNSET)
        self.shape = _shape(node, self)
        self._defaulting = [
            (name, child) for name, child in self.properties.items() if child.default_value is not UNSET or child.fills
        ]
        self.fills = bool(
            self._defaulting or (self.items and self.items.fills) or (self.additional and self.additional.fills)
        )
        self._nulling = [name for name, child in self.properties.items() if not child.nullable]
        below = [child for child in (*self.properties.values(), self.additional, self.items) if child]
        self._pruning = node.get("type") == "object" or any(child._pruning for child in below)
        self._check: Check | None = None
        self._rules: list[ValidationRule] = []

    @staticmethod
    def compile(openapi: Mapping[str, Any]) -> Schema:
        """The root of `openAPIV3Schema`, ready for use."""
        schema = Schema(openapi)
        schema._check = compile_check(openapi)
        schema._rules = rules_of(openapi)
        if "status" in schema.properties:
            schema.properties["status"]._check = compile_check(openapi["properties"]["status"])
        return schema

    # -- pruning -------------------------------------------------------------------------------------------------

    def prune(self, obj: Object) -> list[str]:
        """Remove fields the schema does not have; gives their paths, sorted: `spec.rules[0].x`."""
        unknown: list[str] = []
        self._prune_map(obj, "", unknown, _ROOT_FIELDS)
        return sorted(unknown)

    def unknown_in(self, value: Any) -> list[str]:
        """The paths of unknown fields in a value of this node; nothing is changed."""
        unknown: list[str] = []
        self._prune(clone(value), "", unknown)
        return unknown

    def _prune(self, value: Any, path: str, unknown: list[str]) -> None:
        if isinstance(value, dict):
            if self.additional is not None:
                if self.additional._pruning:
                    for key, item in value.items():
                        self.additional._prune(item, f"{path}.{key}", unknown)
            else:
                self._prune_map(value, path, unknown, _ROOT_FIELDS if self.embedded else ())
        elif isinstance(value, list) and self.items is not None and self.items._pruning:
            for index, item in enumerate(value):
                self.items._prune(item, f"{path}[{index}]", unknown)

    def _prune_map(self, value: Object, path: str, unknown: list[str], kept: tuple[str, ...]) -> None:
        for name in list(value):
            child = self.properties.get(name)
            if name in kept:
                continue
            if child is not None:
                if child._pruning:
                    child._prune(value[name], f"{path}.{name}" if path else name, unknown)
            elif not self.preserves:
                unknown.append(f"{path}.{name}" if path else name)
                del value[name]

    # -- nulls and defaults --------------------------------------------------------------------------------------

    def drop_nulls(self, value: Any) -> None:
        """Remove nulls of fields that are not nullable, in place."""
        if isinstance(value, dict):
            for name in self._nulling:
                if name in value and value[name] is None:
                    del value[name]
            children = self.properties
            for name, item in value.items():
                if item.__class__ is dict or item.__class__ is list:
                    child = children.get(name) or self.additional
                    if child is not None:
                        child.drop_nulls(item)
        elif isinstance(value, list) and self.items is not None and self.items._pruning:
            for item in value:
                self.items.drop_nulls(item)

    def default(self, value: Any) -> None:
        """Fill in defaults, in place; a null is replaced where the field is not nullable."""
        if isinstance(value, dict):
            for name, child in self._defaulting:
                missing = name not in value or (value[name] is None and not child.nullable)
                if missing and child.default_value is not UNSET:
                    value[name] = clone(child.default_value)
                if name in value:
                    child.default(value[name])
            if self.additional is not None and self.additional.fills:
                for item in value.values():
                    self.additional.default(item)
        elif isinstance(value, list) and self.items is not None and self.items.fills:
            for item in value:
                self.items.default(item)

    # -- validation ----------------------------------------------------------------------------------------------

    def validate(self, obj: Object, old: Object | None = None) -> list[FieldError]:
        """What the schema has against `obj`; what was wrong in `old` already, and is unchanged, is forgiven."""
        assert self._check is not None, "only a compiled root validates"
        errors: list[FieldError] = []
        self._check(obj, UNSET if old is None else old, (), errors)
        return errors

    def validate_status(self, obj: Object, old: Object) -> list[FieldError]:
        """What the schema has against `status` alone. Upstream's texts then name fields as seen from `status`."""
        node = self.properties.get("status")
        if node is None or "status" not in obj:
            return []
        errors = node.validate(obj["status"], old.get("status", UNSET))
        return [FieldError(_below_status(error.path), error.reason, error.message) for error in errors]

    def check_rules(self, obj: Object, old: Object | None, errors: list[FieldError]) -> list[FieldError]:
        """What the rules of `x-kubernetes-validations` have to add to `errors`: nothing new, if those are grave."""
        if not self._rules:
            return []
        if any(error.reason in _BLOCKING for error in errors):
            return [_INCOMPLETE]
        return [error for rule in self._rules for error in rule.check(obj, old)]

    @property
    def unenforced(self) -> list[str]:
        """The texts of rules beyond the part of CEL that is understood here."""
        return [rule.text for rule in self._rules if rule.test is None]


def _below_status(path: str) -> str:
    return path if path == "<nil>" else f"status.{path}".rstrip(".")


def _shape(node: Mapping[str, Any], schema: Schema) -> Shape:
    kind = node.get("type", "")
    typed = {"object": "map", "array": "list", "integer": "numeric", "number": "numeric"}.get(kind, kind)
    fields = {name: child.shape for name, child in schema.properties.items()}
    if kind == "array":
        return _list_shape(node, schema)
    if node.get("x-kubernetes-map-type") == "atomic":
        return Shape(type=typed, atomic=True)
    return Shape(type=typed, fields=fields, rest=schema.additional.shape if schema.additional else PLAIN)


def _list_shape(node: Mapping[str, Any], schema: Schema) -> Shape:
    items = schema.items.shape if schema.items else PLAIN
    list_type = node.get("x-kubernetes-list-type", "atomic")
    if list_type == "map":
        keys = tuple(node.get("x-kubernetes-list-map-keys") or ())
        of_items = schema.items.properties if schema.items else {}
        defaults = {key: of_items[key].default_value for key in keys if key in of_items}
        known = {key: value for key, value in defaults.items() if value is not UNSET}
        return Shape(type="list", items=items, keys=keys, defaults=known)
    return Shape(type="list", items=items, unique=list_type == "set", atomic=list_type == "atomic")
