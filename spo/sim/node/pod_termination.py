"""How a pod goes down on its node (the kubelet's `syncTerminatingPod` and `syncTerminatedPod`)."""

from __future__ import annotations

from spo.model.resource import PODS
from spo.sim.api.status import ApiError
from spo.sim.client import Client
from spo.sim.node.container import SIGKILLED, Container
from spo.sim.node.pod_workers import PodWorkers
from spo.sim.node.podrun import PodRun
from spo.sim.node.reporter import Reporter
from spo.sim.node.starter import Starter
from spo.sim.shared.context import SharedContext

PROGRAM_STOPS_S = 0.05
CLEAN_UP_S = 0.5  # from the last process's end to the object's
RETRY_S = 10.0  # from a delete that the API server did not take to the next


class PodTermination:
    """Of the pods of one node."""

    def __init__(
        self, context: SharedContext, client: Client, workers: PodWorkers, reporter: Reporter, starter: Starter
    ) -> None:
        self._context = context
        self._client = client
        self._workers = workers
        self._reporter = reporter
        self._starter = starter

    def begin(self, run: PodRun) -> None:
        """SIGTERM to all, SIGKILL when the grace is over, then the object goes."""
        if run.terminating:
            return
        run.terminating = True
        self._workers.files.stop(run)
        obj = self._context.read(*run.key) or run.pod
        grace_s = float(obj["metadata"].get("deletionGracePeriodSeconds") or 0)
        run.generation = obj["metadata"].get("generation", run.generation)
        running = [container for container in run.all if container.state == "running"]
        ends_s = max((self._ask_to_end(run, container, grace_s) for container in running), default=0.0)
        self._workers.after(run, ends_s, self._down)

    def _ask_to_end(self, run: PodRun, container: Container, grace_s: float) -> float:
        """SIGTERM, after the time that its preStop hook sleeps; gives when it will have ended."""
        self._reporter.tell(run, "Killing", f"Stopping container {container.name}", container.field)
        pause_s = min(container.pre_stop_s, grace_s)
        if pause_s:
            self._workers.after(run, pause_s, lambda _: container.ask_to_end())
        else:
            container.ask_to_end()
        stops_s = self._starter.stops_s(run, container, PROGRAM_STOPS_S)
        killed = stops_s is None or pause_s + stops_s > grace_s
        container.exit_code = SIGKILLED if killed else 0
        return grace_s if killed or stops_s is None else pause_s + stops_s

    def _down(self, run: PodRun) -> None:
        for container in run.all:
            container.stop(container.exit_code)
        run.stopped = True
        run.has_sandbox = False
        self._workers.write(run)
        self._workers.after(run, CLEAN_UP_S, self._remove)

    def _remove(self, run: PodRun) -> None:
        try:
            self._client.delete(PODS, run.key.namespace, run.key.name, uid=run.uid, grace_s=0)
        except ApiError as error:
            if error.code not in (404, 409):
                self._workers.after(run, RETRY_S, self._remove, idle=True)
                return
        self._workers.forget(run)
