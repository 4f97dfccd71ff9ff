"""The kubelet: hears of the pods of its node and of the machine's life, and says what happens to each pod.

How a pod comes up is `pod_sync.py`, how a container of it lives `container_life.py`, how a pod goes is
`pod_termination.py`; `pod_workers.py` knows what is still to happen. A pod at rest costs nothing. Not simulated:
volumes, changes of resources, and what probes ask: a container that runs is ready after the initial delay of its
readiness probe.
"""

from __future__ import annotations

from spo.model.resource import NODES
from spo.sim.api.status import ApiError
from spo.sim.node.container import SIGKILLED
from spo.sim.node.container_life import SYNC_S
from spo.sim.node.node import Node, conditions
from spo.sim.node.pod_sync import PodSync
from spo.sim.node.pod_termination import PodTermination
from spo.sim.node.pod_workers import PodWorkers
from spo.sim.node.podrun import PodRun
from spo.sim.node.reporter import Reporter
from spo.sim.node.starter import Starter
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import StoreKey

REPORT_S = 10.0  # from a report that the API server did not take to the next (kubelet: nodeStatusUpdateFrequency)


class Kubelet:
    """Of one node. `hear` is called with every change of a pod that is, or was, bound to it."""

    def __init__(self, node: Node, context: SharedContext, starter: Starter, capacity_pods: int) -> None:
        self._node = node
        self._context = context
        self._client = context.client(f"node:{node.name}")
        reporter = Reporter(node, context, self._client)
        self.workers = PodWorkers(node, context, reporter)
        self._sync = PodSync(node, context, self.workers, reporter, starter, capacity_pods)
        self._termination = PodTermination(context, self._client, self.workers, reporter, starter)

    # -- pods --------------------------------------------------------------------------------------------------------

    def hear(self, old: PodFacts | None, new: PodFacts | None) -> None:
        if not self._node.lives:
            return
        pod = new or old
        assert pod is not None
        run = self.workers.runs.get(pod.key)
        if new is None:
            self._node.refused.pop(pod.key, None)
            if run is not None:
                self.workers.forget(run)
            return
        if new.deleting:
            self.workers.later(pod.key, SYNC_S, self._termination.begin)
        elif old is not None and new.generation != old.generation and not new.is_finished:
            self.workers.later(pod.key, SYNC_S, self._sync.change)
        elif new.gated and old is not None and new.phase == "Running":
            self.workers.later(pod.key, SYNC_S, self.workers.write)
        elif run is None and not new.is_finished and (new.phase != "Running" or (old is None and not new.ready)):
            self.workers.later(pod.key, SYNC_S, self._sync.begin)

    def resume_programs(self, pod: StoreKey) -> None:
        """Of a pod that was taken over as running: its containers' programs begin, in the containers that there are."""
        run = self.workers.of(pod)
        if run is not None:
            self._sync.containers.resume(run)
            self.workers.settle(run)

    def crash(self, namespace: str, pod: str, container: str, code: int = SIGKILLED, reason: str = "") -> None:
        """Let a container's process die (bad luck). Nothing happens if it does not run."""
        run = self.workers.of(StoreKey("pods", namespace, pod))
        if run is None:
            return
        for each in run.all:
            if each.name == container and each.state == "running":
                each.stop(code)
                each.killed = True
                each.reason = reason or each.reason
                self._sync.containers.ended(run, each, code)

    # -- the machine -------------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        """Everything stops where it stands; nobody is told. What programs had in memory is lost."""
        self._node.power_off()
        for run in list(self.workers.runs.values()):
            self.workers.forget(run)

    def boot(self) -> None:
        """Up again: the node says it is well, and its pods come up anew."""
        self._node.lives = True
        self._node.boots += 1
        self._report()
        self.resume()

    def _report(self) -> None:
        if not self._node.lives:
            return
        status = {"status": {"conditions": conditions(self._context.timeline.stamp())}}
        try:
            self._client.patch(NODES, "", self._node.name, status, subresource="status")
        except ApiError:
            self._context.timeline.after(REPORT_S, self._report, idle=True)

    def resume(self) -> None:
        """A machine that has just come up runs nothing, whatever the API says: start what should run."""
        now = self._context.timeline.stamp()
        for pod in self._context.pods.on(self._node.name):
            record = self._context.store.get(pod.key)
            if pod.is_finished or record is None:
                continue
            run = self.workers.runs[pod.key] = PodRun(pod.key, record.object(), self._context.timeline)
            run.has_sandbox = False
            for container in run.all:
                container.lost(now)
            self.workers.after(run, SYNC_S, self._termination.begin if pod.deleting else self._sync.begin)
