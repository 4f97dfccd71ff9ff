"""What a schema has against an object, in the API server's words (recorded: crd-validation-*)."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.custom.schema import Schema
from spo.sim.api.custom.schema_validation import go_pattern

TEXTS = {"type": "array", "items": {"type": "string"}}
SHORT_TEXTS = {"type": "array", "items": {"type": "string", "maxLength": 1}}
INT32 = {"type": "integer", "format": "int32"}
FREE = {"type": "object", "additionalProperties": INT32}
POSITIVE = {"type": "integer", "minimum": 0, "exclusiveMinimum": True}
RULES = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": {"type": "string"}, "mode": {"type": "string", "enum": ["on"]}}},
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}


def _errors(field: dict[str, Any], value: Any, old: Any = None) -> list[str]:
    schema = Schema.compile({"type": "object", "properties": {"f": field}})
    before = None if old is None else {"f": old}
    return [error.text for error in schema.validate({"f": value}, before)]


def _is(wanted: str, got: str, path: str = "f") -> str:
    """The error of a wrong type."""
    return f'{path}: Invalid value: "{got}": {path} in body must be of type {wanted}: "{got}"'


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ({"type": "string"}, 5, _is("string", "integer")),
        ({"type": "string"}, None, _is("string", "null")),
        (TEXTS, "x", _is("array", "string")),
        (TEXTS, ["a", 1], _is("string", "integer", "f[1]")),
        (INT32, "x", _is("integer", "string")),
        (FREE, {"k": "x"}, _is("integer", "string", "f.k")),
        ({"x-kubernetes-int-or-string": True}, 1.5, _is("integer,string", "number")),
        ({"type": "string", "format": "date-time"}, "x", _is("date-time", "x")),
    ],
)
def test_a_wrong_type_is_named_with_the_right_one(field: dict[str, Any], value: Any, text: str) -> None:
    assert _errors(field, value) == [text]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ({"type": "string", "enum": ["a", "b"]}, "c", 'Unsupported value: "c": supported values: "a", "b"'),
        ({"type": "string", "maxLength": 2}, "abc", "Too long: may not be more than 2 bytes"),
        ({"type": "string", "minLength": 2}, "a", 'Invalid value: "a": f in body should be at least 2 chars long'),
        ({"type": "string", "pattern": "^a*$"}, "b", "Invalid value: \"b\": f in body should match '^a*$'"),
        ({"type": "integer", "maximum": 10}, 11, "Invalid value: 11: f in body should be less than or equal to 10"),
        ({"type": "integer", "minimum": 0}, -1, "Invalid value: -1: f in body should be greater than or equal to 0"),
        (POSITIVE, 0, "Invalid value: 0: f in body should be greater than 0"),
        ({"type": "integer", "multipleOf": 2}, 3, "Invalid value: 3: f in body should be a multiple of 2"),
        ({**TEXTS, "maxItems": 1}, ["a", "b"], "Too many: 2: must have at most 1 items"),
        ({**TEXTS, "minItems": 1}, [], "Invalid value: 0: f in body should have at least 1 items"),
    ],
)
def test_each_way_to_be_wrong_has_upstreams_words(field: dict[str, Any], value: Any, text: str) -> None:
    assert _errors(field, value) == [f"f: {text}"]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ({**TEXTS, "x-kubernetes-list-type": "set"}, ["a", "a"], 'f[1]: Duplicate value: "a"'),
        (RULES, [{"name": "a"}, {"name": "a"}], 'f[1]: Duplicate value: {"name":"a"}'),
        ({"type": "object", "required": ["a"]}, {}, "f.a: Required value"),
        (SHORT_TEXTS, ["a", "bc"], "f[1]: Too long: may not be more than 1 bytes"),
    ],
)
def test_an_error_stands_at_the_element_or_field_it_is_about(field: dict[str, Any], value: Any, text: str) -> None:
    assert _errors(field, value) == [text]


def test_a_fraction_where_an_int32_should_be_is_wrong_twice() -> None:
    assert _errors(INT32, 1.5) == [
        'f: Invalid value: "float64": f in body must be of type int32: "float64"',
        '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in f',
    ]


@pytest.mark.parametrize("value", [3, 3.0, -(2**31), 2**31 - 1])
def test_a_whole_number_is_an_integer_however_it_is_written(value: float) -> None:
    assert _errors(INT32, value) == []


@pytest.mark.parametrize("value", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5+02:00"])
def test_a_time_is_taken_as_rfc_3339_writes_it(value: str) -> None:
    assert _errors({"type": "string", "format": "date-time"}, value) == []


def test_a_text_too_long_is_not_held_against_its_pattern_as_well() -> None:
    assert _errors({"type": "string", "maxLength": 1, "pattern": "^a$"}, "BB") == [
        "f: Too long: may not be more than 1 bytes"
    ]


def test_what_was_wrong_before_and_has_not_changed_is_forgiven() -> None:
    old = [{"name": "a", "mode": "gone"}]

    assert _errors(RULES, [{"name": "b"}, {"name": "a", "mode": "gone"}], old) == []
    assert _errors(RULES, [{"name": "a", "mode": "new"}], old) != []


def test_the_end_of_a_pattern_is_the_end_of_the_text() -> None:
    assert not go_pattern("^a$").search("a\n")
    assert go_pattern(r"^[$]\$$").search("$$")
