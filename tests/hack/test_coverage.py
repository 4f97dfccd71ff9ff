"""The page of what the simulator covers says what the code does."""

from __future__ import annotations

from hack.coverage import PAGE, PARTLY_KINDS, page
from spo.sim.api.builtin import TABLE


def test_the_page_is_the_one_the_code_makes() -> None:
    assert PAGE.read_text() == page(), "run python3 -m hack.coverage"


def test_every_remark_is_about_a_kind_that_is_served() -> None:
    assert [name for name in PARTLY_KINDS if name not in TABLE] == []
