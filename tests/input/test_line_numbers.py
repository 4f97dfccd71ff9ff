"""A field's line is found in YAML and in JSON, however it is indented."""

from __future__ import annotations

import json

import pytest
import yaml

from spo.input.line_numbers import line_of
from spo.input.load import Source

OBJECT = {"kind": "Pod", "spec": {"rules": [{"name": "a"}, {"name": "b", "args": [1, 2]}]}}
SOURCE = Source("a", 1, 0, 1)


@pytest.mark.parametrize("indent", ["\t", "  "])
def test_in_json_also_where_tabs_indent_it(indent: str) -> None:
    text = json.dumps(OBJECT, indent=indent)
    line = line_of(text, SOURCE, "spec.rules[1].name")
    assert text.split("\n")[line - 1].strip() == '"name": "b",'


def test_in_yaml_and_of_the_nearest_thing_where_the_field_is_not_there() -> None:
    text = yaml.safe_dump(OBJECT)
    found = [line_of(text, SOURCE, field) for field in ("spec.rules[1].args[0]", "spec.rules[1].odd", "odd")]
    assert [text.split("\n")[line - 1].strip() for line in found] == ["- 1", "- args:", "kind: Pod"]
