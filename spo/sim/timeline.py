"""Simulated time: one heap of what will happen, one clock that jumps to the next of it, one seeded source of chance."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from datetime import UTC, datetime

START_NS = 1_767_225_600 * 10**9  # 2026-01-01T00:00:00Z
SECOND_NS = 10**9


class Alarm:
    """Something that will happen, unless cancelled. `idle` marks what happens for ever in a world at rest."""

    __slots__ = ("act", "idle", "when_ns")

    def __init__(self, when_ns: int, act: Callable[[], None] | None, idle: bool) -> None:
        self.when_ns = when_ns
        self.act = act
        self.idle = idle


class Timeline:
    """Events in order of time, then of their making. Nothing here reads a real clock."""

    def __init__(self, seed: int = 0) -> None:
        self.now_ns = START_NS
        self.seed = seed
        self.rng = random.Random(seed)
        self._heap: list[tuple[int, int, Alarm]] = []
        self.made = 0  # alarms, ever
        self._busy = 0  # alarms that are not idle
        self._stamped = (-1, "")  # the second last asked for, and its stamp

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.now_ns / SECOND_NS

    def stamp(self) -> str:
        """Now as the API writes times: RFC 3339, UTC, whole seconds."""
        second = self.now_ns // SECOND_NS
        if self._stamped[0] != second:
            self._stamped = (second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        return self._stamped[1]

    def micro_stamp(self) -> str:
        """Now as leases and events write times: RFC 3339, UTC, microseconds."""
        whole, rest = divmod(self.now_ns, SECOND_NS)
        return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{rest // 1000:06d}Z"

    def at(self, when_ns: int, act: Callable[[], None], *, idle: bool = False) -> Alarm:
        """Let `act` happen at `when_ns` (at once, if that is past)."""
        alarm = Alarm(max(when_ns, self.now_ns), act, idle)
        self.made += 1
        heapq.heappush(self._heap, (alarm.when_ns, self.made, alarm))
        self._busy += not idle
        return alarm

    def after(self, delay_s: float, act: Callable[[], None], *, idle: bool = False) -> Alarm:
        """Let `act` happen `delay_s` seconds from now."""
        return self.at(self.now_ns + round(delay_s * SECOND_NS), act, idle=idle)

    def cancel(self, alarm: Alarm) -> None:
        if alarm.act is not None:
            alarm.act = None
            self._busy -= not alarm.idle

    @property
    def busy(self) -> bool:
        """Is anything under way but what happens for ever?"""
        return self._busy > 0

    def next_ns(self) -> int | None:
        """When the next thing happens."""
        while self._heap and self._heap[0][2].act is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def step(self) -> bool:
        """Let the next thing happen. False if nothing is left."""
        if self.next_ns() is None:
            return False
        when_ns, _, alarm = heapq.heappop(self._heap)
        self.now_ns = when_ns
        act, alarm.act = alarm.act, None
        self._busy -= not alarm.idle
        assert act is not None
        act()
        return True

    def run_until(self, when_ns: int) -> None:
        """Let everything happen that is due up to `when_ns`, and stand there."""
        while (following := self.next_ns()) is not None and following <= when_ns:
            self.step()
        self.now_ns = max(self.now_ns, when_ns)
