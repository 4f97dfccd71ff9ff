"""The clock of the real processes: the time of day, and steady."""

from __future__ import annotations

import time

import pytest

from spo.real.process import SystemClock


def test_it_tells_the_time_of_day() -> None:
    assert SystemClock().now() == pytest.approx(time.time(), abs=5.0)


def test_it_goes_on_steadily_although_somebody_sets_the_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    before = SystemClock().now()
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real + 3600.0)

    assert 0.0 <= SystemClock().now() - before < 60.0
