"""How a pod comes up on its node, and is kept as its spec says (the kubelet's `syncPod`)."""

from __future__ import annotations

from spo.sim.node import admission, backoff, images
from spo.sim.node.container import SIGKILLED
from spo.sim.node.container_life import LONG_S, SYNC_S, ContainerLife
from spo.sim.node.node import Node
from spo.sim.node.pod_workers import PodWorkers
from spo.sim.node.podrun import PodRun
from spo.sim.node.reporter import Reporter
from spo.sim.node.starter import Starter
from spo.sim.shared.context import SharedContext

SANDBOX_S = 0.6  # network and sandbox


class PodSync:
    """Of the pods of one node, which has room for `capacity` of them."""

    def __init__(
        self,
        node: Node,
        context: SharedContext,
        workers: PodWorkers,
        reporter: Reporter,
        starter: Starter,
        capacity: int,
    ) -> None:
        self._node = node
        self._context = context
        self._timeline = context.timeline
        self._workers = workers
        self._reporter = reporter
        self._capacity = capacity
        self.containers = ContainerLife(node, context.timeline, workers, reporter, starter, self._start)

    def begin(self, run: PodRun) -> None:
        """The pod is new here, or the machine is up again."""
        if run.terminating:
            return
        if not run.started:
            refusal = admission.refusal(run.key, self._context.pods.on(self._node.name), self._capacity)
            if refusal is not None:
                self._reject(run, *refusal)
                return
        run.started = run.started or self._timeline.stamp()
        for container in run.containers:
            if container.state == "terminated" and backoff.restarts(run, container, container.exit_code):
                self.containers.restart_later(run, container)
        self._watch_deadline(run)
        self._workers.write(run)
        self._workers.after(run, SYNC_S if run.has_sandbox else SANDBOX_S, self._start)

    def change(self, run: PodRun) -> None:
        """The pod's spec is another: containers whose image changed are replaced; all else is taken note of."""
        obj = self._context.read(*run.key)
        if obj is None or run.terminating:
            return
        for container in run.take_spec(obj):
            text = f"Container {container.name} definition changed, will be restarted"
            self._reporter.tell(run, "Killing", text, container.field)
            container.stop(0)
            container.killed = True
            self.containers.restart(run, container)
        for container in run.all:
            if container.state == "waiting" and container.reason in images.FAILED:
                container.forget_pulls()
                self._workers.after(run, SYNC_S, self._start)
        self._watch_deadline(run)
        self._workers.write(run)

    def _start(self, run: PodRun) -> None:
        """Start what is next: init containers one after the other, then all others."""
        if not run.has_sandbox:
            host = run.pod["spec"].get("hostNetwork")
            run.ip, run.has_sandbox = self._node.ip if host else self._node.pod_ip(), True
        for container in run.inits:
            self.containers.bring_up(run, container)
            if not container.is_done:
                self._workers.write(run)
                return
        for container in run.containers:
            self.containers.bring_up(run, container)
        self._workers.write(run)

    def _reject(self, run: PodRun, reason: str, message: str) -> None:
        run.failure = (reason, f"Pod was rejected: {message}")
        run.started = self._timeline.stamp()
        self._reporter.reject(run)
        self._reporter.tell(run, reason, message, warning=True)
        self._workers.forget(run)

    def _watch_deadline(self, run: PodRun) -> None:
        """A pod may be active for `activeDeadlineSeconds`, and no longer."""
        if run.deadline is not None:
            self._timeline.cancel(run.deadline)
        left_s = run.deadline_left_s(self._timeline.now)
        if left_s is not None:
            run.deadline = self._workers.after(run, left_s, self._expire, idle=left_s > LONG_S)

    def _expire(self, run: PodRun) -> None:
        if run.terminating:
            return
        run.failure = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        for container in run.all:
            container.stop(SIGKILLED)
        run.stopped, run.has_sandbox = True, False
        self._workers.write(run)
        self._reporter.tell(run, *run.failure)
        self._workers.forget(run)
