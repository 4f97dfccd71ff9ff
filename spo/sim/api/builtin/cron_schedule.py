"""Times that a cron line names. Pure. Source: robfig/cron v3, standard parser, as CronJobs use it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct

MONTHS = {name: at for at, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
DAYS = {name: at for at, name in enumerate("sun mon tue wed thu fri sat".split())}
SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
ZONES = ("", "UTC", "Etc/UTC")  # others would need tables that differ from machine to machine
YEARS_AHEAD = 5  # a line that names no day within these names none at all
UNITS_S = {"h": 3600, "m": 60, "s": 1}


class Schedule(Struct, frozen=True):
    """`every_s`: `@every` lines; else the values of the five fields. A day fits by either field if both are given."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    either_day: bool = False
    every_s: int = 0

    def after(self, seconds: float) -> float | None:
        """The first time named after `seconds` (since 1970); `None`: there is none."""
        if self.every_s:
            return float(int(seconds) + self.every_s)
        at = datetime.fromtimestamp(seconds, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = at.year + YEARS_AHEAD
        while at.year <= last:
            if at.month not in self.months or not self._fits(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at.timestamp()
        return None

    def _fits(self, at: datetime) -> bool:
        by_date, by_weekday = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.either_day else by_date and by_weekday


def parse(text: str) -> Schedule:
    """Raises ValueError with what is wrong."""
    if text.startswith("@every "):
        return Schedule(every_s=_seconds(text.removeprefix("@every ")))
    words = SHORTHANDS.get(text, text).split()
    if len(words) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
    minutes, hours, days, months, weekdays = words
    stars = ("*", "?")
    return Schedule(
        _field(minutes, 0, 59),
        _field(hours, 0, 23),
        _field(days, 1, 31),
        _field(months, 1, 12, MONTHS),
        frozenset(day % 7 for day in _field(weekdays, 0, 7, DAYS)),
        not days.startswith(stars) and not weekdays.startswith(stars),
    )


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if first in ("*", "?"):
            start, end = low, high
        else:
            start = _number(first, names)
            end = _number(last, names) if dash else high if step else start
        if start < low or end > high or start > end:
            raise ValueError(f"{part} is outside {low} to {high}")
        found.update(range(start, end + 1, _number(step, None) if step else 1))
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    known = (names or {}).get(text.lower())
    if known is not None:
        return known
    if not text.isdigit():
        raise ValueError(f"failed to parse int from {text}")
    return int(text)


def _seconds(text: str) -> int:
    total, number = 0, ""
    for letter in text:
        if letter.isdigit():
            number += letter
        elif letter in UNITS_S and number:
            total, number = total + int(number) * UNITS_S[letter], ""
        else:
            raise ValueError(f"failed to parse duration @every {text}")
    if not total or number:
        raise ValueError(f"failed to parse duration @every {text}")
    return total
