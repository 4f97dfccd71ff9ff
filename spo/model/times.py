"""Times as the API writes them, from seconds since 1970. Nobody here asks what time it is."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(now: float) -> str:
    """RFC 3339, UTC, whole seconds (metav1.Time)."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(stamped: str) -> float:
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.fromisoformat(stamped).timestamp()


def micro_stamp(now: float) -> str:
    """RFC 3339, UTC, microseconds (metav1.MicroTime, in leases)."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
