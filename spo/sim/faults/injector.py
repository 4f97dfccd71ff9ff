"""Lets things go wrong as the plan says: the sites ask here, each at its gate."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct

from spo.sim.faults.fates import Attempt, BadPlan, Clocks, Ground, OfCluster, OfOperation, Undo
from spo.sim.faults.plan import Fault, FaultPlan
from spo.sim.faults.sites import Operation, Site
from spo.sim.timeline import SECOND_NS, Alarm, Timeline

T = TypeVar("T")
Listener = Callable[[Operation], None]


class Strike(Struct, frozen=True):
    """Something that went wrong, and when. `on` is the operation, or what was struck."""

    at_ns: int
    fault: Fault
    on: str
    note: str = ""  # what was done otherwise than the fault says


class _Armed:
    """A fault of the plan in force: how often it might have struck, and did."""

    def __init__(self, fault: Fault, since_ns: int, rng: random.Random) -> None:
        self.fault = fault
        self.since_ns = since_ns
        self._rng = rng
        self._met = self.struck = 0
        self.alarms: list[Alarm] = []
        self.undo: Undo | None = None  # of what strikes the cluster, while it lasts

    def counts(self, operation: Operation, now_ns: int) -> bool:
        """Is this operation one to be struck? Asked once of each."""
        fault = self.fault
        if not fault.concerns(operation, (now_ns - self.since_ns) / SECOND_NS):
            return False
        self._met += 1
        if fault.times and self.struck >= fault.times:
            return False
        if fault.nth:
            return self._met == fault.nth
        if fault.every:
            return self._met % fault.every == 0
        return not fault.one_in or self._rng.randrange(fault.one_in) == 0


class Gate:
    """Where a site asks. While `armed` is false nobody wants to know, and it need not."""

    __slots__ = ("_faults", "armed")

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.armed = False

    def strike(self, attempt: Attempt[T]) -> T:
        """Let the operation meet its fate; gives its answer. Raises what whoever asks is told, or Crash."""
        return self._faults.strike(attempt)


class Faults:
    """Of one cluster. `strikes` is what went wrong so far; `clocks` is what its programs take for the time."""

    def __init__(self, timeline: Timeline, ground: Ground | None = None) -> None:
        self._timeline = timeline
        self._ground = ground
        self._armed: list[_Armed] = []
        self._listeners: dict[Site, list[Listener]] = {site: [] for site in Site}
        self._gates = {site: Gate(self) for site in Site}
        self._held_ns: dict[str, int] = {}  # pod → until when its program waits for a late answer
        self.clocks = Clocks()
        self.strikes: list[Strike] = []

    # -- the plan ----------------------------------------------------------------------------------------------------

    @property
    def plan(self) -> FaultPlan:
        """What is in force."""
        return FaultPlan(tuple(armed.fault for armed in self._armed))

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        self.end()
        for fault in plan.faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """One more, from now on. Raises BadPlan."""
        if isinstance(fault.fate, OfCluster) and self._ground is None:
            raise BadPlan(f"fault at {fault.site.value}: there is no cluster that could be struck")
        # A source of chance of its own: a fault more, or less, changes nothing of when the others strike.
        twins = sum(armed.fault == fault for armed in self._armed)
        rng = random.Random(f"{self._timeline.seed} {twins} {msgspec.json.encode(fault).decode()}")
        armed = _Armed(fault, self._timeline.now_ns, rng)
        self._armed.append(armed)
        self._arm_gates()
        if isinstance(fault.fate, OfCluster):
            self._schedule(armed, fault.fate)

    def end(self) -> None:
        """No more goes wrong, and what lasts is put right. An answer that is late still comes when it comes."""
        ended, self._armed = self._armed, []
        self._arm_gates()
        for armed in ended:
            for alarm in armed.alarms:
                self._timeline.cancel(alarm)
            _put_right(armed)

    # -- who wants to know -------------------------------------------------------------------------------------------

    def listen(self, listener: Listener, *sites: Site) -> None:
        """Tell `listener` of each operation there (no sites: anywhere) before its fate is known. It may raise Crash."""
        for site in sites or Site:
            self._listeners[site].append(listener)
        self._arm_gates()

    def unlisten(self, listener: Listener) -> None:
        """Tell it no more."""
        for listeners in self._listeners.values():
            if listener in listeners:
                listeners.remove(listener)
        self._arm_gates()

    # -- for the sites -----------------------------------------------------------------------------------------------

    def gate(self, site: Site) -> Gate:
        """Where that site asks."""
        return self._gates[site]

    def strike(self, attempt: Attempt[T]) -> T:
        """See `Gate.strike`."""
        operation = attempt.operation
        for listener in tuple(self._listeners[operation.site]):
            listener(operation)
        armed = self._chosen(operation)
        if armed is None:
            return attempt.do()
        armed.struck += 1
        fate = armed.fault.fate
        assert isinstance(fate, OfOperation)
        try:
            return fate.befall(attempt)
        finally:
            self._note(armed.fault, str(operation), attempt.note)

    def hold(self, pod: str, seconds: float) -> None:
        """An answer to the pod's program is late: it waits for this one after those it waits for already."""
        until_ns = max(self._held_ns.get(pod, 0), self._timeline.now_ns) + round(seconds * SECOND_NS)
        self._held_ns[pod] = until_ns
        self._timeline.at(until_ns, lambda: None)  # the world is not at rest before

    def held_until(self, pod: str) -> float | None:
        """Until when the pod's program waits, in seconds since 1970; `None`: it does not."""
        until_ns = self._held_ns.get(pod)
        if until_ns is None or until_ns <= self._timeline.now_ns:
            self._held_ns.pop(pod, None)
            return None
        return until_ns / SECOND_NS

    def let_go(self, pod: str) -> None:
        """Another program runs there now: it waits for nothing."""
        self._held_ns.pop(pod, None)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _arm_gates(self) -> None:
        sites = {armed.fault.site for armed in self._armed}
        for site, gate in self._gates.items():
            gate.armed = site in sites or bool(self._listeners[site])

    def _chosen(self, operation: Operation) -> _Armed | None:
        """The first that strikes. All are asked: each counts for itself."""
        now_ns = self._timeline.now_ns
        struck = [armed for armed in self._armed if armed.counts(operation, now_ns)]
        return struck[0] if struck else None

    def _schedule(self, armed: _Armed, fate: OfCluster) -> None:
        fault, ground = armed.fault, self._ground
        assert ground is not None

        def begin() -> None:
            armed.undo = fate.begin(ground, self.clocks, fault.who)
            self._note(fault, fault.who)
            if fate.lasts_s:
                armed.alarms.append(self._timeline.after(fate.lasts_s, lambda: _put_right(armed)))

        if fault.at_s:
            armed.alarms.append(self._timeline.after(fault.at_s, begin))
        else:
            begin()

    def _note(self, fault: Fault, on: str, note: str = "") -> None:
        self.strikes.append(Strike(self._timeline.now_ns, fault, on, note))


def _put_right(armed: _Armed) -> None:
    undo, armed.undo = armed.undo, None
    if undo is not None:
        undo()
