"""Values as Go prints them (recorded from a real API server's messages on server-side apply)."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.encoding.gotext import plain, syntax


@pytest.mark.parametrize(
    ("value", "as_v", "as_sharp_v"),
    [
        ({}, "map[]", "map[string]interface {}{}"),
        ({"b": [1, "x"], "a": 1}, "map[a:1 b:[1 x]]", 'map[string]interface {}{"a":1, "b":[]interface {}{1, "x"}}'),
        ([], "[]", "[]interface {}{}"),
        (True, "true", "true"),
        (1.5, "1.5", "1.5"),
        ("x", "x", '"x"'),
        (None, "<nil>", "interface {}(nil)"),
    ],
)
def test_a_value_is_printed_as_go_does(value: Any, as_v: str, as_sharp_v: str) -> None:
    assert (plain(value), syntax(value)) == (as_v, as_sharp_v)
