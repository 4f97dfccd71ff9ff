"""How long ago something was, as `kubectl` prints it: `5s`, `3m7s`, `2d4h` (duration.HumanDuration of apimachinery)."""

from __future__ import annotations

from datetime import datetime

UNKNOWN, INVALID = "<unknown>", "<invalid>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400

# Below so many seconds: this unit, and that finer one beside it, if there is any and it is not zero.
_SCALES = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
)


def human(seconds: float) -> str:
    """A duration in at most two units."""
    whole = int(seconds)
    if whole < -1:
        return INVALID
    if whole < 0:
        return "0s"
    for below, unit, sign, finer, finer_sign in _SCALES:
        if whole < below:
            rest = whole % unit // finer if finer else 0
            return f"{whole // unit}{sign}" + (f"{rest}{finer_sign}" if rest else "")
    return f"{whole // _YEAR}y"


def seconds_of(stamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 time. Raises ValueError."""
    return datetime.fromisoformat(stamp).timestamp()


def since(stamp: str | None, now_s: float) -> str:
    """The age of a time stamp; `<unknown>` without one, `<invalid>` if it is none."""
    if not stamp:
        return UNKNOWN
    try:
        return human(now_s - seconds_of(stamp))
    except ValueError:
        return INVALID
