"""A container's task that is a scripted workload: its steps, one after the other, under the container's filter."""

from __future__ import annotations

from collections.abc import Callable

from spo.sim.node.container import MOMENT_S, Ending
from spo.sim.node.kernel import SIGSYS, Decision, Filter
from spo.sim.node.workload import Exit, Say, Syscall, Touch, Wait, Workload
from spo.sim.timeline import Alarm, Timeline

LONG_S = 60.0  # a workload that waits longer than this does not keep the world busy


class WorkloadTask:
    """`audit` is told of each syscall and what the kernel says to it; `refused` of the one that ends the program."""

    def __init__(
        self,
        workload: Workload,
        loaded: Filter,
        timeline: Timeline,
        ended: Callable[[Ending], None],
        *,
        say: Callable[[str], None],
        audit: Callable[[str, Decision], None],
        refused: Callable[[str], None],
    ) -> None:
        self._to_do = iter(workload.steps)
        self._filter = loaded
        self._timeline = timeline
        self._ended = ended
        self._say = say
        self._audit = audit
        self._refused = refused
        self._alarm: Alarm | None = None

    @property
    def is_steady(self) -> bool:
        return self._alarm is None

    def start(self) -> None:
        if self._filter.verdict("execve").lets_pass:
            self._go_on()
        else:
            self._refused("execve")
            self._end_soon(1)

    def ask_to_end(self) -> None:
        """How long it takes to end is said beforehand (`Workload.stops_s`)."""

    def halt(self) -> None:
        if self._alarm is not None:
            self._timeline.cancel(self._alarm)

    def _go_on(self) -> None:
        self._alarm = None
        for step in self._to_do:
            match step:
                case Wait(seconds, by):
                    verdict = self._ask_kernel(by, ()) if by else None
                    if verdict is None or verdict.lets_pass:
                        self._alarm = self._timeline.after(seconds, self._go_on, idle=seconds > LONG_S)
                        return
                    code = self._exit_code(by, verdict, needed=False)
                case Say(text):
                    self._say(text)
                    continue
                case Exit(code):
                    self._end_soon(code)
                    return
                case Syscall(name, args, needed):
                    code = self._call(name, args, needed)
                case Touch():
                    code = self._call("openat", (), needed=False)
            if code:
                self._end_soon(code)
                return

    def _call(self, name: str, args: tuple[int, ...], needed: bool) -> int:
        """One syscall; gives the exit code it ends the program with, or 0."""
        return self._exit_code(name, self._ask_kernel(name, args), needed)

    def _exit_code(self, name: str, verdict: Decision, needed: bool) -> int:
        """What the kernel's answer ends the program with, or 0."""
        code = 128 + SIGSYS if verdict.kills else 1 if needed and not verdict.lets_pass else 0
        if code:
            self._refused(name)
        return code

    def _ask_kernel(self, name: str, args: tuple[int, ...]) -> Decision:
        verdict = self._filter.verdict(name, args)
        self._audit(name, verdict)
        return verdict

    def _end_soon(self, code: int) -> None:
        self._alarm = self._timeline.after(MOMENT_S, lambda: self._ended(Ending(code)))
