"""A refusal tells what to do, on which line; a slip of the pen is recognised."""

from __future__ import annotations

from pathlib import Path

import pytest

from spo.input.line_numbers import line_of, place_of
from spo.input.load import Source, load
from spo.report import hints
from spo.sim.api.status import ApiError, FieldError, bad_request, invalid

SCHEMA = {
    "properties": {
        "spec": {
            "properties": {
                "syscalls": {"items": {"properties": {"names": {}, "action": {}}}},
                "defaultAction": {},
            }
        }
    }
}
UNKNOWN = 'SeccompProfile in version "v1beta1" cannot be handled: strict decoding error: '


def refused(reason: str, text: str, field: str = "spec.defaultAction") -> ApiError:
    return invalid("SeccompProfile", "x", "a", [FieldError(field, reason, text)])


def test_the_field_is_named_and_the_heading_is_not_repeated() -> None:
    error = refused("FieldValueRequired", "Required value")
    assert hints.message(error) == "spec.defaultAction: Required value"
    assert hints.fields(error) == ["spec.defaultAction"]
    assert hints.remedy(error) == "add the field"


def test_a_value_that_is_nearly_right_is_guessed() -> None:
    error = refused(
        "FieldValueNotSupported", 'Unsupported value: "SCMP_ACT_ERNO": supported values: "SCMP_ACT_ERRNO", "X"'
    )
    assert hints.remedy(error) == "did you mean SCMP_ACT_ERRNO?"


def test_a_value_that_is_nothing_like_any_is_not_guessed() -> None:
    error = refused("FieldValueNotSupported", 'Unsupported value: "deny": supported values: "SCMP_ACT_ERRNO"')
    assert hints.remedy(error) == "use one of the supported values"


@pytest.mark.parametrize(
    ("field", "remedy"),
    [
        ("spec.syscals", "did you mean syscalls?"),
        ("spec.syscalls[0].name", "did you mean names?"),
        ("spec.colour", "remove the field, or correct its name"),
    ],
)
def test_an_unknown_field_is_guessed_from_the_schema(field: str, remedy: str) -> None:
    error = bad_request(f'{UNKNOWN}unknown field "{field}"')
    assert hints.message(error) == f'unknown field "{field}"'
    assert hints.fields(error) == [field]
    assert hints.remedy(error, SCHEMA) == remedy


def test_other_refusals_keep_the_servers_words() -> None:
    error = ApiError(403, "Forbidden", "because it is being terminated")
    assert (hints.message(error), bool(hints.remedy(error))) == ("because it is being terminated", True)


TEXT = """\
# a comment
apiVersion: v1
kind: List
items:
- kind: A
- kind: B
  spec:
    syscalls:
    - names: [read]
    - action: X
---
kind: C
spec:
  a: 1
"""


@pytest.mark.parametrize(
    ("document", "item", "field", "line"),
    [
        (1, 2, "spec.syscalls[1].action", 10),
        (1, 2, "spec.syscalls[0]", 9),
        (1, 2, "spec.syscalls[7].action", 8),
        (1, 2, "spec.nothing", 7),
        (1, 2, "metadata.name", 6),
        (2, 0, "spec.a", 14),
        (3, 0, "spec.a", 99),
    ],
)
def test_a_field_is_found_or_the_nearest_thing_around_it(document: int, item: int, field: str, line: int) -> None:
    of_object = {1: 6, 2: 12, 3: 99}[document]
    assert line_of(TEXT, Source("a.yaml", document, item, of_object), field) == line


def test_json_has_lines_too(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"apiVersion": "v1",\n"kind": "Pod",\n"metadata": {\n"name": "a"}}')
    (item,) = load([str(file)])
    assert place_of(item.source, "metadata.name") == f"{file}:4"


def test_where_a_file_cannot_be_read_again_the_object_must_do() -> None:
    assert place_of(Source("<stdin>", 1, 0, 7), "spec") == "<stdin>:7"
