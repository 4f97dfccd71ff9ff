"""Which key is due, and when. Told the time, never asks for it; of two wishes for one key the earlier wins."""

from __future__ import annotations

import heapq

from spo.events import Key

FIRST_DELAY_S = 1.0
LAST_DELAY_S = 60.0


class Queue:
    """Keys and their due times. Failures of a key in a row double its delay, from 1 s to 60 s."""

    def __init__(self) -> None:
        self._at: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._failures: dict[Key, int] = {}

    def add(self, key: Key, at: float) -> None:
        """Ask for a look at `key` at the time `at`."""
        if key not in self._at or at < self._at[key]:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))

    def pop_due(self, now: float) -> list[Key]:
        """The keys that are due, in a fixed order; they are forgotten here."""
        due = set()
        while self._heap and self._heap[0][0] <= now:
            at, key = heapq.heappop(self._heap)
            if self._at.get(key) == at:  # else: an earlier wish has been granted already
                del self._at[key]
                due.add(key)
        return sorted(due)

    def next(self) -> float | None:
        """When the next key is due."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def failed(self, key: Key, now: float, at_least_s: float = 0.0) -> None:
        """It did not work: look again later, and later each time. News about the key comes before that."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        delay_s = min(FIRST_DELAY_S * 2.0**count, LAST_DELAY_S)
        self.add(key, now + max(delay_s, at_least_s))

    def succeeded(self, key: Key) -> None:
        self._failures.pop(key, None)

    def __len__(self) -> int:
        return len(self._at)
