"""Time under HTTP: when the simulated clock moves while real clients ask, think and wait.

A request is an event at the present moment; answering it takes no time. Then:

- `max`: time runs on, as fast as this machine can, until the cluster rests: nothing is under way and nothing has been
  written for 15 simulated seconds (leases and Events do not count). Then it stands, however long a client thinks: what
  goes on for ever in a cluster at rest (resyncs, retries of what cannot work, a watch's half hour) does not move it.
  And because there are clusters that never rest, one request buys ten simulated minutes at most.
- `real`: one second a second.
- `manual`: it stands until someone says `advance`.

`advance` works at any speed. Work is done in slices of a few milliseconds: between two of them the sockets get their
turn, so requests are answered, and lines reach those who watch, in the middle of a long advance.
"""

from __future__ import annotations

import asyncio
from typing import Literal, get_args

from spo.sim.cluster import CHATTER, QUIET_S, SimulatedCluster
from spo.sim.store import Change
from spo.sim.timeline import SECOND_NS

Speed = Literal["real", "max", "manual"]
SPEEDS: tuple[Speed, ...] = get_args(Speed)

SLICE_S = 0.005
LEASH_NS = 600 * SECOND_NS
QUIET_NS = round(QUIET_S * SECOND_NS)


class TimeControl:
    """Moves a cluster's time from within an event loop."""

    def __init__(self, cluster: SimulatedCluster, speed: Speed, loop: asyncio.AbstractEventLoop) -> None:
        self._timeline = cluster.timeline
        self._loop = loop
        self._speed: Speed = speed
        self._zero_ns = 0  # at speed `real`: simulated time when the loop's clock was nought
        self._leash_ns = self._moved_ns = self._timeline.now_ns
        self._targets: list[tuple[int, asyncio.Future[None]]] = []
        self._next: asyncio.Handle | None = None
        cluster.store.subscribe(self._note_move)
        self.set_speed(speed)

    @property
    def speed(self) -> Speed:
        return self._speed

    def set_speed(self, speed: Speed) -> None:
        """From now on."""
        self._speed = speed
        self._zero_ns = self._timeline.now_ns - round(self._loop.time() * SECOND_NS)
        self._leash_ns = self._timeline.now_ns + LEASH_NS
        self._soon()

    def asked(self) -> None:
        """A request is about to be answered: the clock is brought up to now."""
        if self._speed == "real":
            self._work(self._loop.time() + SLICE_S)
        self._leash_ns = self._timeline.now_ns + LEASH_NS

    def answered(self) -> None:
        """A request was answered: there may be more to do."""
        if self._next is None or self._speed == "real":
            self._soon()

    def advance(self, seconds: float) -> asyncio.Future[None]:
        """Let so much time pass; done when it has."""
        done: asyncio.Future[None] = self._loop.create_future()
        step_ns = round(seconds * SECOND_NS)
        self._targets.append((self._timeline.now_ns + step_ns, done))
        if self._speed == "real":
            self._zero_ns += step_ns
        self._soon()
        return done

    def close(self) -> None:
        """Time stands still for ever; who waited for it is let go."""
        if self._next is not None:
            self._next.cancel()
        for _, done in self._targets:
            done.cancel()
        self._targets.clear()

    # -- inside --------------------------------------------------------------------------------------------------

    def _note_move(self, change: Change) -> None:
        if change.key.resource not in CHATTER:
            self._moved_ns = self._timeline.now_ns

    def _soon(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._next = None
        if self._work(self._loop.time() + SLICE_S):
            self._soon()
            return
        following = self._timeline.next_ns()
        if self._speed == "real" and following is not None:
            wait_s = (following - self._timeline.now_ns) / SECOND_NS
            self._next = self._loop.call_later(max(wait_s, 0.0), self._turn)

    def _work(self, until_s: float) -> bool:
        """Do what is due, until then by the loop's clock. Is there more?"""
        timeline = self._timeline
        more = False
        while not more:
            following = timeline.next_ns()
            if following is None or following > self._bound_ns():
                break
            timeline.step()
            more = self._loop.time() > until_s
        if not more:
            # Nothing is due any more on the way there: only the clock moves.
            timeline.run_until(max(self._told_ns(), self._clock_ns()))
        self._arrive()
        return more

    def _bound_ns(self) -> int:
        """Up to when things may happen now."""
        if self._speed != "max":
            return max(self._told_ns(), self._clock_ns())
        resting_ns = self._leash_ns if self._timeline.busy else min(self._leash_ns, self._moved_ns + QUIET_NS)
        return max(self._told_ns(), resting_ns)

    def _told_ns(self) -> int:
        return max((when_ns for when_ns, _ in self._targets), default=0)

    def _clock_ns(self) -> int:
        return self._zero_ns + round(self._loop.time() * SECOND_NS) if self._speed == "real" else 0

    def _arrive(self) -> None:
        now_ns = self._timeline.now_ns
        for when_ns, done in self._targets:
            if when_ns <= now_ns and not done.done():
                done.set_result(None)
        self._targets = [each for each in self._targets if each[0] > now_ns]
