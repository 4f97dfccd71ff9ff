"""Cron lines."""

from __future__ import annotations

from datetime import datetime

import pytest

from spo.sim.api.builtin.cron_schedule import parse

THURSDAY = datetime.fromisoformat("2026-01-01T00:00:30Z").timestamp()


@pytest.mark.parametrize(
    ("line", "following"),
    [
        ("* * * * *", "2026-01-01T00:01:00"),
        ("*/15 * * * *", "2026-01-01T00:15:00"),
        ("5-10/5,40 8 * * *", "2026-01-01T08:05:00"),
        ("0 0 * * sun", "2026-01-04T00:00:00"),
        ("0 0 * * 7", "2026-01-04T00:00:00"),
        ("0 0 15 * mon", "2026-01-05T00:00:00"),  # either day
        ("30 12 29 feb ?", "2028-02-29T12:30:00"),
        ("@monthly", "2026-02-01T00:00:00"),
        ("@every 1h30m", "2026-01-01T01:30:30"),
    ],
)
def test_the_next_time_is_the_first_one_the_line_names(line: str, following: str) -> None:
    assert parse(line).after(THURSDAY) == datetime.fromisoformat(following + "Z").timestamp()


def test_a_day_that_never_comes_is_not_waited_for() -> None:
    assert parse("0 0 31 2 *").after(THURSDAY) is None


@pytest.mark.parametrize("line", ["", "* * * *", "60 * * * *", "a * * * *", "5-1 * * * *", "@every", "@every 5x"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"field|outside|parse"):
        parse(line)
