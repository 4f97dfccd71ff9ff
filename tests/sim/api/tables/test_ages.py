"""Ages as kubectl prints them."""

from __future__ import annotations

import pytest

from spo.sim.api.tables.ages import human, seconds_of, since

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (187, "3m7s"),
        (10 * MINUTE + 59, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 5 * MINUTE, "7h5m"),
        (47 * HOUR, "47h"),
        (2 * DAY + 4 * HOUR, "2d4h"),
        (8 * DAY + HOUR, "8d"),
        (729 * DAY, "729d"),
        (2 * 365 * DAY + 3 * DAY, "2y3d"),
        (9 * 365 * DAY + 3 * DAY, "9y"),
    ],
)
def test_a_duration_takes_at_most_two_units(seconds: float, shown: str) -> None:
    assert human(seconds) == shown


def test_an_age_is_told_from_a_time_stamp() -> None:
    now = seconds_of("2026-01-01T00:05:00Z")

    assert since("2026-01-01T00:00:00Z", now) == "5m"
    assert since(None, now) == "<unknown>"
    assert since("yesterday", now) == "<invalid>"
