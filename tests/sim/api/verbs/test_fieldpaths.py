"""Sets of fields and their written form."""

from __future__ import annotations

from typing import Any

from spo.sim.api.shape import Shape
from spo.sim.api.verbs.fieldpaths import from_fields, leaves, remove, show, to_fields

RULES = Shape(keys=("name",))
SHAPE = Shape(fields={"spec": Shape(fields={"rules": RULES, "flags": Shape(unique=True), "whole": Shape(atomic=True)})})
OBJ: dict[str, Any] = {
    "apiVersion": "g/v1",
    "kind": "K",
    "metadata": {"name": "a", "uid": "u", "labels": {"l": "1"}},
    "spec": {"rules": [{"name": "x", "weight": 1}], "flags": ["f"], "whole": {"a": 1}, "plain": ["p"], "empty": {}},
}


def test_every_leaf_is_written_as_upstream_writes_it() -> None:
    assert to_fields(leaves(OBJ, SHAPE)) == {
        "f:metadata": {"f:labels": {"f:l": {}}},
        "f:spec": {
            "f:rules": {'k:{"name":"x"}': {".": {}, "f:name": {}, "f:weight": {}}},
            "f:flags": {'v:"f"': {}},
            "f:whole": {},
            "f:plain": {},
            "f:empty": {},
        },
    }


def test_reading_what_was_written_gives_the_same_set() -> None:
    paths = set(leaves(OBJ, SHAPE))

    assert from_fields(to_fields(paths)) == paths


def test_paths_are_shown_as_in_conflicts() -> None:
    shown = {show(path) for path in leaves(OBJ, SHAPE)}

    assert {'.spec.rules[name="x"].weight', '.spec.flags[="f"]', ".metadata.labels.l"} <= shown


def test_what_becomes_empty_by_a_removal_goes_too() -> None:
    obj = {"spec": {"flags": ["f"], "rules": [{"name": "x"}]}}

    remove(obj, ("f:spec", "f:flags", 'v:"f"'), SHAPE)
    assert obj == {"spec": {"rules": [{"name": "x"}]}}
    remove(obj, ("f:spec", "f:rules", 'k:{"name":"x"}'), SHAPE)
    assert obj == {}
