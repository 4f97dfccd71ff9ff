"""A container's task that is a program handed in: ticked when it asks for it, and when its next wish is due."""

from __future__ import annotations

from collections.abc import Callable

from spo.doors.process import Process
from spo.sim.faults import Crash
from spo.sim.node.container import MOMENT_S, SIGKILLED, Ending
from spo.sim.node.program import Exited, Leaves, Stops
from spo.sim.timeline import SECOND_NS, Alarm, Timeline

WAKE_S = 0.001  # from news at a door to the tick that takes it in


class ProgramTask:
    """`make(wake)` starts the program, whose `wake` asks for a tick; it gets none before the time of `waits_until`."""

    is_steady = False  # nobody can tell what it will do next

    def __init__(
        self,
        make: Callable[[Callable[[], None]], Process],
        timeline: Timeline,
        ended: Callable[[Ending], None],
        waits_until: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._make = make
        self._timeline = timeline
        self._ended = ended
        self._waits_until = waits_until
        self._process: Process | None = None
        self._alarm: Alarm | None = None  # the tick that was asked for, or the end
        self._wish_alarm: Alarm | None = None

    def start(self) -> None:
        ending = _ending(self._begin)
        if ending is not None:
            self._alarm = self._timeline.after(MOMENT_S, lambda: self._ended(ending))

    def _begin(self) -> None:
        self._process = self._make(self.wake)
        self.wake()

    def wake(self) -> None:
        """Ask for a tick now."""
        if self._process is not None and self._alarm is None:
            self._alarm = self._timeline.after(WAKE_S, self._tick)

    def ask_to_end(self) -> None:
        process = self._process
        if isinstance(process, Leaves):
            _ending(process.leave)  # it will be halted, however it takes it

    def halt(self) -> None:
        self._cancel()
        process, self._process = self._process, None
        if isinstance(process, Stops):
            process.stop()

    def _tick(self) -> None:
        process = self._process
        if process is None:
            return
        self._cancel()
        ending = _ending(lambda: self._wish(process))
        if ending is not None:
            self._ended(ending)

    def _wish(self, process: Process) -> None:
        waits_until = self._waits_until()
        wish = process.tick() if waits_until is None else waits_until
        if wish is not None and self._process is process:
            soonest = self._timeline.now_ns + round(WAKE_S * SECOND_NS)
            self._wish_alarm = self._timeline.at(max(round(wish * SECOND_NS), soonest), self._tick, idle=True)

    def _cancel(self) -> None:
        for alarm in (self._alarm, self._wish_alarm):
            if alarm is not None:
                self._timeline.cancel(alarm)
        self._alarm = self._wish_alarm = None


def _ending(act: Callable[[], None]) -> Ending | None:
    """How the program ended in there, if it did. Any other exception is our own bug, and ends the run."""
    try:
        act()
    except Exited as exited:
        return Ending(exited.code)
    except Crash:
        return Ending(SIGKILLED, killed=True)
    return None
