"""Completion indexes as text."""

from __future__ import annotations

import pytest

from spo.sim.controllers.indexes import parse, written


@pytest.mark.parametrize("text", ["", "3", "0,1", "0-2", "0-2,4,5,7-9"])
def test_what_is_written_is_read_as_it_was(text: str) -> None:
    assert written(parse(text, 10)) == text


def test_what_is_beyond_or_no_number_is_left_out() -> None:
    assert parse("1-9,x,20", 4) == {1, 2, 3}
