"""The kubelet: brings the pods of its node up, keeps them up, takes them down, and writes down how they are.

It hears of its own pods only. A pod at rest costs it nothing: it is read again from its status when something happens.
Not simulated: volumes, changes of resources, and what probes ask: a container that runs is ready after the initial
delay of its readiness probe.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from spo.model.resource import NODES, PODS
from spo.sim.api.status import ApiError
from spo.sim.node import admission, backoff, images, runtime
from spo.sim.node.container import SIGKILLED, Container
from spo.sim.node.disk import DiskChange
from spo.sim.node.node import Node, conditions
from spo.sim.node.podrun import PodRun
from spo.sim.node.reporter import Reporter
from spo.sim.node.starter import Starter
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import StoreKey
from spo.sim.timeline import Alarm

SYNC_S = 0.05  # from news to the first look
SANDBOX_S = 0.6  # network and sandbox
RETRY_S = 10.0  # a container that could not be made is tried again on a beat of this (kubelet: backOffPeriod)
PROGRAM_STOPS_S = 0.05
LONG_S = 60.0  # a deadline farther away than this does not keep the world busy
CLEAN_UP_S = 0.5  # from the last process's end to the object's


class Kubelet:
    """Of one node. `hear` is called with every change of a pod that is, or was, bound to it."""

    def __init__(self, node: Node, context: SharedContext, starter: Starter, capacity_pods: int) -> None:
        self.node = node
        self._context = context
        self._timeline = context.timeline
        self._client = context.client(f"node:{node.name}")
        self._starter = starter
        self._reporter = Reporter(node, context, self._client)
        self._capacity = capacity_pods
        self._runs: dict[StoreKey, PodRun] = {}
        self._waiting: dict[str, dict[StoreKey, None]] = {}  # path on the disk → pods that cannot start without it
        node.disk.subscribe(self._file_changed)

    # -- hearing -----------------------------------------------------------------------------------------------------

    def hear(self, old: PodFacts | None, new: PodFacts | None) -> None:
        if not self.node.lives:
            return
        pod = new or old
        assert pod is not None
        run = self._runs.get(pod.key)
        if new is None:
            self.node.refused.pop(pod.key, None)
            if run is not None:
                self._forget(run)
            return
        if new.deleting:
            self._later(pod.key, run, SYNC_S, self._terminate)
        elif old is not None and new.generation != old.generation and not new.is_finished:
            self._later(pod.key, run, SYNC_S, self._change)
        elif new.gated and old is not None and new.phase == "Running":
            self._later(pod.key, run, SYNC_S, self._write)
        elif run is None and not new.is_finished and (new.phase != "Running" or (old is None and not new.ready)):
            self._later(pod.key, None, SYNC_S, self._begin)

    def _later(self, key: StoreKey, run: PodRun | None, delay_s: float, act: Callable[[PodRun], None]) -> None:
        """Let `act` happen to the pod after a moment, if it is still there then."""
        if run is None:
            record = self._context.store.get(key)
            if record is None:
                return
            run = self._runs[key] = PodRun(key, record.object(), self._timeline)
        elif run.terminating:
            return
        self._after(run, delay_s, act)

    def _after(self, run: PodRun, delay_s: float, act: Callable[[PodRun], None], *, idle: bool = False) -> Alarm:
        alarm = self._timeline.after(delay_s, lambda: self._do(run, act), idle=idle)
        run.alarms = [*(each for each in run.alarms if each.act is not None), alarm]
        return alarm

    def _do(self, run: PodRun, act: Callable[[PodRun], None]) -> None:
        if self._runs.get(run.key) is run:
            act(run)
            self._settle(run)

    def _settle(self, run: PodRun) -> None:
        """Forget a pod to which nothing will happen by itself."""
        if self._runs.get(run.key) is not run or run.terminating or any(alarm.act for alarm in run.alarms):
            return
        if run.is_steady or backoff.is_over(run):
            self._forget(run)

    def _forget(self, run: PodRun) -> None:
        for alarm in run.alarms:
            self._timeline.cancel(alarm)
        for container in run.all:
            container.halt()
        self._stop_waiting(run)
        if self._runs.get(run.key) is run:
            del self._runs[run.key]

    # -- coming up ---------------------------------------------------------------------------------------------------

    def _begin(self, run: PodRun) -> None:
        if run.terminating:
            return
        if not run.started:
            refusal = admission.refusal(run.key, self._context.pods.on(self.node.name), self._capacity)
            if refusal is not None:
                self._reject(run, *refusal)
                return
        run.started = run.started or self._timeline.stamp()
        for container in run.containers:
            if container.state == "terminated" and backoff.restarts(run, container, container.exit_code):
                self._restart_later(run, container)
        self._watch_deadline(run)
        self._write(run)
        self._after(run, SYNC_S if run.has_sandbox else SANDBOX_S, self._start)

    def _change(self, run: PodRun) -> None:
        """The pod's spec is another: containers whose image changed are replaced; all else is taken note of."""
        obj = self._context.read(*run.key)
        if obj is None or run.terminating:
            return
        for container in run.take_spec(obj):
            text = f"Container {container.name} definition changed, will be restarted"
            self._reporter.tell(run, "Killing", text, container.field)
            container.stop(0)
            container.killed = True
            self._restart(run, container)
        for container in run.all:
            if container.state == "waiting" and container.reason in images.FAILED:
                container.forget_pulls()
                self._after(run, SYNC_S, self._start)
        self._watch_deadline(run)
        self._write(run)

    def _reject(self, run: PodRun, reason: str, message: str) -> None:
        run.failure = (reason, f"Pod was rejected: {message}")
        run.started = self._timeline.stamp()
        self._reporter.reject(run)
        self._reporter.tell(run, reason, message, warning=True)
        self._forget(run)

    def _watch_deadline(self, run: PodRun) -> None:
        """A pod may be active for `activeDeadlineSeconds`, and no longer."""
        if run.deadline is not None:
            self._timeline.cancel(run.deadline)
        left_s = run.deadline_left_s(self._timeline.now)
        if left_s is not None:
            run.deadline = self._after(run, left_s, self._expire, idle=left_s > LONG_S)

    def _expire(self, run: PodRun) -> None:
        if run.terminating:
            return
        run.failure = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        for container in run.all:
            container.stop(SIGKILLED)
        run.stopped, run.has_sandbox = True, False
        self._write(run)
        self._reporter.tell(run, *run.failure)
        self._forget(run)

    def _start(self, run: PodRun) -> None:
        """Start what is next: init containers one after the other, then all others."""
        if not run.has_sandbox:
            host = run.pod["spec"].get("hostNetwork")
            run.ip, run.has_sandbox = self.node.ip if host else self.node.pod_ip(), True
        for container in run.inits:
            self._bring_up(run, container)
            if not container.is_done:
                self._write(run)
                return
        for container in run.containers:
            self._bring_up(run, container)
        self._write(run)

    def _bring_up(self, run: PodRun, container: Container) -> None:
        if container.state != "waiting" or container.retry is not None or run.terminating:
            return
        field, image = container.field, str(container.spec["image"])
        if images.is_absent(image) and not self._starter.knows(image):
            self._cannot_pull(run, container, image)
            return
        try:
            text = f'Container image "{image}" already present on machine and can be accessed by the pod'
            self._reporter.tell(run, "Pulled", text, field)
            self._starter.start(self.node, run, container, lambda ended, code: self._ended(run, ended, code))
        except runtime.CannotCreate as error:
            container.wait("CreateContainerError", str(error))
            self._reporter.tell(run, "Failed", f"Error: {error}", field, warning=True)
            self._wait_for(run, container, error.path)
        except runtime.CannotStart as error:
            self._reporter.tell(run, "Created", "Container created", field)
            self._reporter.tell(run, "Failed", f"Error: {error}", field, warning=True)
            self._did_not_start(run, container, str(error))
        else:
            self._reporter.tell(run, "Created", "Container created", field)
            self._reporter.tell(run, "Started", "Container started", field)
            if container.warms_up_s:
                self._after(run, container.warms_up_s, self._write, idle=container.warms_up_s > LONG_S)

    def _cannot_pull(self, run: PodRun, container: Container, image: str) -> None:
        """The registry does not have it; it is asked again, ever later."""
        failed = container.reason in images.FAILED
        reason, message = images.waiting(image, first=not failed)
        if not failed:
            self._reporter.tell(run, "Pulling", f'Pulling image "{image}"', container.field)
            self._reporter.tell(run, "Failed", images.failure(image), container.field, warning=True)
            self._reporter.tell(run, "Failed", f"Error: {reason}", container.field, warning=True)
        else:
            self._reporter.tell(run, "BackOff", images.backing_off(image), container.field)
            self._reporter.tell(run, "Failed", f"Error: {reason}", container.field, warning=True)
        container.wait(reason, message)
        container.pulls += 1
        delay_s = backoff.doubled_s(container.pulls)
        container.retry = self._timeline.after(delay_s, lambda: self._try_again(run, container), idle=failed)

    def _wait_for(self, run: PodRun, container: Container, path: str) -> None:
        """Try again on a beat. As long as the file is as it is, trying would show nothing new: wait for it first."""
        if not path:
            container.retry = self._timeline.after(RETRY_S, lambda: self._try_again(run, container), idle=True)
            return
        if not run.waits_for:
            run.beat_ns = self._timeline.now_ns
        run.waits_for.add(path)
        self._waiting.setdefault(path, {})[run.key] = None

    def _file_changed(self, change: DiskChange) -> None:
        keys = self._waiting.pop(posixpath.normpath(change.path), None) if change.data is not None else None
        for key in keys or ():
            run = self._runs.get(key)
            if run is not None:
                run.waits_for.discard(change.path)
                waited_s = (self._timeline.now_ns - run.beat_ns) / 1e9
                self._after(run, RETRY_S - waited_s % RETRY_S, self._start)

    def _try_again(self, run: PodRun, container: Container) -> None:
        container.retry = None
        self._do(run, self._start)

    # -- ending ------------------------------------------------------------------------------------------------------

    def _did_not_start(self, run: PodRun, container: Container, message: str) -> None:
        """The runtime made it, but its process did not come up: exit code 128, reason StartError."""
        container.fail_to_start(message)
        if backoff.restarts(run, container, 128):
            self._restart_later(run, container, failed_start=True)
        else:
            container.give_up_start()

    def _ended(self, run: PodRun, container: Container, code: int) -> None:
        if self._runs.get(run.key) is not run or run.terminating:
            return
        if backoff.restarts(run, container, code):
            self._restart_later(run, container)
        self._write(run)
        if container.is_init and container.succeeded:
            self._after(run, SYNC_S, self._start)
        self._settle(run)

    def _restart_later(self, run: PodRun, container: Container, *, failed_start: bool = False) -> None:
        """At once after the first crash, then ever later. What fails by itself does not keep the world busy."""
        container.count_crash(failed_start)
        delay_s = backoff.restart_delay_s(container.crashes)
        if container.crashes > 1:
            if not failed_start:
                container.wait("CrashLoopBackOff", backoff.waiting(run, container, delay_s))
            self._reporter.tell(run, "BackOff", backoff.event(run, container), container.field, warning=True)
        container.retry = self._timeline.after(
            delay_s, lambda: self._restart(run, container), idle=container.crashes > 2 and not container.killed
        )

    def _restart(self, run: PodRun, container: Container) -> None:
        container.retry = None
        container.wait(container.reason, container.message)
        container.restarts += 1
        self._do(run, self._start)

    def crash(self, namespace: str, pod: str, container: str, code: int = SIGKILLED, reason: str = "") -> None:
        """Let a container's process die (bad luck). Nothing happens if it does not run."""
        key = StoreKey("pods", namespace, pod)
        run = self._runs.get(key)
        if run is None:
            record = self._context.store.get(key)
            if record is None or record.node != self.node.name:
                return
            run = self._runs[key] = PodRun(key, record.object(), self._timeline)
        for each in run.all:
            if each.name == container and each.state == "running":
                each.stop(code)
                each.killed = True
                each.reason = reason or each.reason
                self._ended(run, each, code)

    # -- going down --------------------------------------------------------------------------------------------------

    def _terminate(self, run: PodRun) -> None:
        """SIGTERM to all, SIGKILL when the grace is over, then the object goes."""
        if run.terminating:
            return
        run.terminating = True
        self._stop_waiting(run)
        obj = self._context.read(*run.key) or run.pod
        grace_s = float(obj["metadata"].get("deletionGracePeriodSeconds") or 0)
        run.generation = obj["metadata"].get("generation", run.generation)
        running = [container for container in run.all if container.state == "running"]
        ends_s = max((self._ask_to_end(run, container, grace_s) for container in running), default=0.0)
        self._after(run, ends_s, self._down)

    def _ask_to_end(self, run: PodRun, container: Container, grace_s: float) -> float:
        """SIGTERM, after the time that its preStop hook sleeps; gives when it will have ended."""
        self._reporter.tell(run, "Killing", f"Stopping container {container.name}", container.field)
        pause_s = min(container.pre_stop_s, grace_s)
        if pause_s:
            self._after(run, pause_s, lambda _: container.ask_to_end())
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
        self._write(run)
        self._after(run, CLEAN_UP_S, self._remove)

    def _remove(self, run: PodRun) -> None:
        try:
            self._client.delete(PODS, run.key.namespace, run.key.name, uid=run.uid, grace_s=0)
        except ApiError as error:
            if error.code not in (404, 409):
                self._after(run, RETRY_S, self._remove, idle=True)
                return
        if self._runs.get(run.key) is run:
            self._forget(run)

    # -- the machine -------------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        """Everything stops where it stands; nobody is told. What programs had in memory is lost."""
        self.node.power_off()
        for run in list(self._runs.values()):
            self._forget(run)

    def boot(self) -> None:
        """Up again: the node says it is well, and its pods come up anew."""
        self.node.lives = True
        self.node.boots += 1
        self.report()
        self.resume()

    def resume(self) -> None:
        """A machine that has just come up runs nothing, whatever the API says: start what should run."""
        now = self._timeline.stamp()
        for pod in self._context.pods.on(self.node.name):
            record = self._context.store.get(pod.key)
            if pod.is_finished or record is None:
                continue
            run = self._runs[pod.key] = PodRun(pod.key, record.object(), self._timeline)
            run.has_sandbox = False
            for container in run.all:
                container.lost(now)
            self._after(run, SYNC_S, self._terminate if pod.deleting else self._begin)

    def report(self) -> None:
        """Say that the node is well."""
        status = {"status": {"conditions": conditions(self._timeline.stamp())}}
        self._client.patch(NODES, "", self.node.name, status, subresource="status")

    # -- writing -----------------------------------------------------------------------------------------------------

    def _write(self, run: PodRun) -> None:
        """Bring the pod's status up to date; a pod that is no longer there is forgotten."""
        match self._reporter.write(run):
            case "gone":
                self._forget(run)
            case "refused":
                self._after(run, RETRY_S, self._write, idle=True)

    def _stop_waiting(self, run: PodRun) -> None:
        for path in sorted(run.waits_for):
            self._waiting.get(path, {}).pop(run.key, None)
        run.waits_for.clear()
