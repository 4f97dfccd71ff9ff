"""Structural schemas: what is pruned, nulled and filled in, and how their lists merge."""

from __future__ import annotations

from typing import Any

from spo.sim.api.custom.schema import Schema


def _schema(**properties: Any) -> Schema:
    spec = {"type": "object", "properties": properties}
    return Schema.compile({"type": "object", "properties": {"spec": spec}})


def _text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_unknown_fields_are_removed_and_named_by_their_paths_in_order() -> None:
    schema = _schema(name=_text(), rules={"type": "array", "items": _object(name=_text())})
    obj = {"top": 1, "spec": {"name": "a", "foo": 1, "rules": [{"name": "n", "zip": 1}]}}

    unknown = schema.prune(obj)

    assert unknown == ["spec.foo", "spec.rules[0].zip", "top"]
    assert obj == {"spec": {"name": "a", "rules": [{"name": "n"}]}}


def test_what_says_which_object_it_is_is_never_unknown() -> None:
    obj: dict[str, Any] = {"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "a", "labels": {"x": "y"}}}

    assert _schema().prune(obj) == []
    assert obj["metadata"] == {"name": "a", "labels": {"x": "y"}}


def test_unknown_fields_stay_where_the_schema_preserves_them() -> None:
    schema = _schema(extra={"x-kubernetes-preserve-unknown-fields": True, **_object(known=_object(a=_text()))})
    obj = {"spec": {"extra": {"free": {"b": 1}, "known": {"a": "x", "b": 1}}}}

    assert schema.prune(obj) == ["spec.extra.known.b"]
    assert obj == {"spec": {"extra": {"free": {"b": 1}, "known": {"a": "x"}}}}


def test_values_of_a_free_map_are_pruned_too() -> None:
    schema = _schema(byName={"type": "object", "additionalProperties": _object(a=_text())})
    obj = {"spec": {"byName": {"x": {"a": "1", "b": 2}}}}

    assert schema.prune(obj) == ["spec.byName.x.b"]


def test_a_default_is_filled_in_below_defaults_and_in_list_elements() -> None:
    schema = _schema(
        opt={**_object(mode=_text(default="audit")), "default": {}},
        rules={"type": "array", "items": _object(weight={"type": "integer", "default": 1})},
    )
    obj: dict[str, Any] = {"spec": {"rules": [{}, {"weight": 5}]}}

    schema.default(obj)

    assert obj == {"spec": {"opt": {"mode": "audit"}, "rules": [{"weight": 1}, {"weight": 5}]}}


def test_defaults_are_not_shared_between_objects() -> None:
    schema = _schema(opt={"type": "object", "default": {"list": []}, "x-kubernetes-preserve-unknown-fields": True})
    one: dict[str, Any] = {"spec": {}}
    two: dict[str, Any] = {"spec": {}}
    schema.default(one)

    one["spec"]["opt"]["list"].append("x")
    schema.default(two)

    assert two == {"spec": {"opt": {"list": []}}}


def test_a_null_counts_as_left_out_unless_the_field_is_nullable() -> None:
    schema = _schema(plain=_text(), note=_text(nullable=True), replicas={"type": "integer", "default": 1})
    obj: dict[str, Any] = {"spec": {"plain": None, "note": None, "replicas": None}}

    schema.drop_nulls(obj)
    schema.default(obj)

    assert obj == {"spec": {"note": None, "replicas": 1}}


def test_nulls_in_free_parts_are_values() -> None:
    schema = _schema(extra={"x-kubernetes-preserve-unknown-fields": True, "type": "object"})
    obj = {"spec": {"extra": {"n": None}}}

    schema.drop_nulls(obj)

    assert obj == {"spec": {"extra": {"n": None}}}


def test_lists_merge_as_the_schema_says() -> None:
    rules = {"type": "array", "items": _object(name=_text(), kind=_text(default="a"))}
    schema = _schema(
        plain={"type": "array", "items": _text()},
        flags={"type": "array", "items": _text(), "x-kubernetes-list-type": "set"},
        rules={**rules, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "kind"]},
    )

    shape = schema.shape.field("spec")

    assert shape.field("plain").atomic
    assert shape.field("flags").unique
    assert (shape.field("rules").keys, shape.field("rules").defaults) == (("name", "kind"), {"kind": "a"})
