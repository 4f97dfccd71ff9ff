"""Merge patch and JSON patch, with the liberties the API server takes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spo.sim.api.status import ApiError
from spo.sim.api.verbs.patching import json_patch, merge_patch

LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab/~", max_size=2)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3)
)
OBJECTS = st.dictionaries(st.text("ab/~", max_size=2), VALUES, max_size=4)


def _refusal(obj: Any, *operations: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        json_patch(obj, list(operations))
    return refused.value


def test_null_deletes_and_lists_are_replaced_whole() -> None:
    obj = {"a": {"b": 1, "c": 2}, "list": [1, 2]}

    assert merge_patch(obj, {"a": {"b": None}, "list": [3], "new": {"x": None, "y": 1}}) == {
        "a": {"c": 2},
        "list": [3],
        "new": {"y": 1},
    }


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        (None, "Invalid JSON Patch"),
        ([1], "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("x", "error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}"),
    ],
)
def test_a_merge_patch_must_be_an_object(patch: Any, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        merge_patch({}, patch)

    assert (refused.value.code, refused.value.message) == (400, text)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_is_pure_and_applying_it_twice_changes_nothing_more(obj: Any, patch: Any) -> None:
    before = copy.deepcopy((obj, patch))
    once = merge_patch(obj, patch)

    assert merge_patch(once, patch) == once
    assert (obj, patch) == before


def _difference(old: Any, new: Any) -> Any:
    """The merge patch that makes `new` of `old`, where no null has to be written."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(old[key], dict):
            patch[key] = _difference(old[key], value)
        elif old[key] != value or type(old[key]) is not type(value):
            patch[key] = value
    return patch


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_can_say_every_change_but_a_null(old: Any, new: Any) -> None:
    new = _without_nulls(new)

    assert merge_patch(old, _difference(old, new)) == new


def test_operations_are_carried_out_in_order() -> None:
    obj = {"list": ["a"], "m": {"x/y": 1}}
    operations = [
        {"op": "test", "path": "/m/x~1y", "value": 1},
        {"op": "add", "path": "/list/-", "value": "c"},
        {"op": "add", "path": "/list/1", "value": "b"},
        {"op": "remove", "path": "/list/0"},
        {"op": "move", "from": "/m/x~1y", "path": "/moved"},
        {"op": "copy", "from": "/list/0", "path": "/copied"},
    ]

    assert json_patch(obj, operations) == {"list": ["b", "c"], "m": {}, "moved": 1, "copied": "b"}
    assert obj == {"list": ["a"], "m": {"x/y": 1}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/missing"},
        {"op": "add", "path": "/missing/x", "value": 1},
        {"op": "add", "path": "/list/5", "value": 1},
        {"op": "replace", "path": "/list/1", "value": 1},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "add", "path": "", "value": {}},
        {"op": "add", "path": "a", "value": 1},
        {"op": "frob", "path": "/a"},
        {"path": "/a"},
        "x",
    ],
)
def test_whatever_fails_the_answer_is_the_same_sentence(operation: Any) -> None:
    refused = _refusal({"a": 1, "list": [0]}, operation)

    assert (refused.code, refused.reason, refused.details) == (422, "Invalid", {})
    assert refused.message == "the server rejected our request due to an error in our request"


def test_replace_and_test_forgive_a_missing_key() -> None:
    operations = [{"op": "test", "path": "/a", "value": None}, {"op": "replace", "path": "/a", "value": 1}]

    assert json_patch({}, operations) == {"a": 1}


def test_no_operation_is_carried_out_if_one_fails() -> None:
    obj = {"a": 1}

    _refusal(obj, {"op": "add", "path": "/b", "value": 1}, {"op": "test", "path": "/a", "value": 2})

    assert obj == {"a": 1}


def test_a_json_patch_is_a_list_of_at_most_ten_thousand_operations() -> None:
    with pytest.raises(ApiError) as no_list:
        json_patch({}, {"op": "add"})
    too_many = _refusal({}, *[{"op": "test", "path": "/a", "value": None}] * 10_001)

    assert no_list.value.code == 400
    assert (too_many.code, too_many.reason) == (413, "RequestEntityTooLarge")


@given(OBJECTS, st.text("ab/~", min_size=1, max_size=3), VALUES)
def test_what_was_added_at_a_pointer_is_found_and_removed_there(obj: Any, key: str, value: Any) -> None:
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    added = json_patch(
        obj, [{"op": "add", "path": pointer, "value": value}, {"op": "test", "path": pointer, "value": value}]
    )

    assert added == {**obj, key: value}
    assert json_patch(added, [{"op": "remove", "path": pointer}]) == {k: v for k, v in obj.items() if k != key}
