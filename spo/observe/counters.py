"""Counters that a process keeps of its own work, by metric name and labels."""

from __future__ import annotations

PREFIX = "security_profiles_operator_"


class Counters:
    """`add` counts; `value` and `lines` read. The text form is Prometheus' exposition format."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        key = (PREFIX + name, tuple(sorted(labels.items())))
        self._values[key] = self._values.get(key, 0.0) + amount

    def traffic(self, requests: int, sent: int, received: int) -> None:
        """Count what went to the API server and came from it (bytes of bodies and watch lines)."""
        self.add("api_requests_total", requests)
        self.add("api_sent_bytes_total", sent)
        self.add("api_received_bytes_total", received)

    def value(self, name: str, **labels: str) -> float:
        return self._values.get((PREFIX + name, tuple(sorted(labels.items()))), 0.0)

    def lines(self) -> list[str]:
        return [f"{name}{_braced(labels)} {value:g}" for (name, labels), value in sorted(self._values.items())]


def _braced(labels: tuple[tuple[str, str], ...]) -> str:
    return "{" + ",".join(f'{label}="{text}"' for label, text in labels) + "}" if labels else ""
