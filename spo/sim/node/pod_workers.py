"""A node's pods that something is still happening to: what will happen to each, and when."""

from __future__ import annotations

from collections.abc import Callable

from spo.sim.node import backoff
from spo.sim.node.file_waits import FileWaits
from spo.sim.node.node import Node
from spo.sim.node.podrun import PodRun
from spo.sim.node.reporter import Reporter
from spo.sim.shared.context import SharedContext
from spo.sim.store import StoreKey
from spo.sim.timeline import Alarm

REFUSED_S = 10.0  # a status that the API server did not take is written again after this long

Act = Callable[[PodRun], None]


class PodWorkers:
    """Of one node. A pod to which nothing will happen by itself has none: its run is read again from its status when
    something does. All that is to happen to a pod happens through here, and dies with its run.
    """

    def __init__(self, node: Node, context: SharedContext, reporter: Reporter) -> None:
        self.runs: dict[StoreKey, PodRun] = {}
        self.files = FileWaits(node.disk)
        self._node = node
        self._context = context
        self._timeline = context.timeline
        self._reporter = reporter

    def of(self, key: StoreKey) -> PodRun | None:
        """The run of a pod of this node, from its status if need be."""
        run = self.runs.get(key)
        if run is None:
            record = self._context.store.get(key)
            if record is not None and record.node == self._node.name:
                run = self.runs[key] = PodRun(key, record.object(), self._timeline)
        return run

    def later(self, key: StoreKey, delay_s: float, act: Act) -> None:
        """Let `act` happen to the pod after a moment, if it is still there then and not on its way out."""
        run = self.of(key)
        if run is not None and not run.terminating:
            self.after(run, delay_s, act)

    def after(self, run: PodRun, delay_s: float, act: Act, *, idle: bool = False) -> Alarm:
        alarm = self._timeline.after(delay_s, lambda: self.do(run, act), idle=idle)
        run.alarms = [*(each for each in run.alarms if each.act is not None), alarm]
        return alarm

    def do(self, run: PodRun, act: Act) -> None:
        if self.has(run):
            act(run)
            self.settle(run)

    def has(self, run: PodRun) -> bool:
        """Is this still the pod's run?"""
        return self.runs.get(run.key) is run

    def settle(self, run: PodRun) -> None:
        """Forget a pod to which nothing will happen by itself."""
        if not self.has(run) or run.terminating or any(alarm.act for alarm in run.alarms):
            return
        if run.is_steady or backoff.is_over(run):
            self.forget(run)

    def forget(self, run: PodRun) -> None:
        for alarm in run.alarms:
            self._timeline.cancel(alarm)
        for container in run.all:
            container.halt()
        self.files.stop(run)
        if self.has(run):
            del self.runs[run.key]

    def write(self, run: PodRun) -> None:
        """Bring the pod's status up to date; a pod that is no longer there is forgotten."""
        match self._reporter.write(run):
            case "gone":
                self.forget(run)
            case "refused":
                self.after(run, REFUSED_S, self.write, idle=True)
