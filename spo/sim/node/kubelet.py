"""The kubelet: brings the pods of its node up, keeps them up, takes them down, and writes down how they are.

It hears of its own pods only. A pod at rest costs it nothing: it is read again from its status when something happens.
Not simulated: probes (a container that runs is ready), images that cannot be pulled, volumes, resources, changed specs.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from spo.model.resource import NODES, PODS
from spo.sim.api.status import ApiError
from spo.sim.client import Object
from spo.sim.controllers.base import World
from spo.sim.controllers.index import PodFacts
from spo.sim.node import podstatus, runtime
from spo.sim.node.container import SIGKILLED, Container
from spo.sim.node.disk import DiskChange
from spo.sim.node.node import Node, conditions
from spo.sim.node.podrun import PodRun
from spo.sim.node.starter import Starter
from spo.sim.store import StoreKey

SYNC_S = 0.05  # from news to the first look
SANDBOX_S = 0.6  # network and sandbox
RETRY_S = 10.0  # a container that could not be made is tried again on a beat of this (kubelet: backOffPeriod)
RESTART_S = 1.0  # the first restart after a crash
BACK_OFF_S = 10.0
BACK_OFF_S_MAX = 300.0
FORGIVEN_S = 600.0  # after running this long, a crash is the first one again
PROGRAM_STOPS_S = 0.05
CLEAN_UP_S = 0.5  # from the last process's end to the object's


class Kubelet:
    """Of one node. `hear` is called with every change of a pod that is, or was, bound to it."""

    def __init__(self, node: Node, world: World, starter: Starter, capacity_pods: int) -> None:
        self.node = node
        self._world = world
        self._timeline = world.timeline
        self._client = world.client(f"node:{node.name}")
        self._starter = starter
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
            if run is not None:
                self._forget(run)
            return
        if new.deleting:
            self._later(pod.key, run, SYNC_S, self._terminate)
        elif run is None and not new.is_finished and (new.phase != "Running" or (old is None and not new.ready)):
            self._later(pod.key, None, SYNC_S, self._begin)

    def _later(self, key: StoreKey, run: PodRun | None, delay_s: float, act: Callable[[PodRun], None]) -> None:
        """Let `act` happen to the pod after a moment, if it is still there then."""
        if run is None:
            record = self._world.store.get(key)
            if record is None:
                return
            run = self._runs[key] = PodRun(key, record.object(), self._timeline)
        elif run.terminating:
            return
        self._after(run, delay_s, act)

    def _after(self, run: PodRun, delay_s: float, act: Callable[[PodRun], None], *, idle: bool = False) -> None:
        run.alarms = [alarm for alarm in run.alarms if alarm.act is not None]
        run.alarms.append(self._timeline.after(delay_s, lambda: self._do(run, act), idle=idle))

    def _do(self, run: PodRun, act: Callable[[PodRun], None]) -> None:
        if self._runs.get(run.key) is run:
            act(run)
            self._settle(run)

    def _settle(self, run: PodRun) -> None:
        """Forget a pod to which nothing will happen by itself."""
        if self._runs.get(run.key) is not run or run.terminating or any(alarm.act for alarm in run.alarms):
            return
        if run.is_steady or self._is_over(run):
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
        if not run.started and len(self._active()) > self._capacity:
            self._reject(run)
            return
        run.started = run.started or self._timeline.stamp()
        for container in run.containers:
            if container.state == "terminated" and self._restarts(run, container, container.exit_code):
                self._restart_later(run, container)
        self._write(run)
        self._after(run, SYNC_S if run.has_sandbox else SANDBOX_S, self._start)

    def _active(self) -> list[PodFacts]:
        return [pod for pod in self._world.pods.on(self.node.name) if not pod.is_finished]

    def _reject(self, run: PodRun) -> None:
        used = len(self._active()) - 1
        why = f"Node didn't have enough resource: pods, requested: 1, used: {used}, capacity: {self._capacity}"
        status = {"phase": "Failed", "reason": "OutOfpods", "message": f"Pod was rejected: {why}"}
        patch = {"metadata": {"uid": run.uid}, "status": {**status, "startTime": self._timeline.stamp()}}
        self._client.patch(PODS, run.key.namespace, run.key.name, patch, subresource="status")
        self._world.recorder.tell(run.pod, "OutOfpods", why, "kubelet", warning=True, host=self.node.name)
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
        field = f"spec.containers{{{container.name}}}"
        if container.is_init:
            field = f"spec.initContainers{{{container.name}}}"
        try:
            image = container.spec["image"]
            text = f'Container image "{image}" already present on machine and can be accessed by the pod'
            self._tell(run, "Pulled", text, field)
            self._starter.start(self.node, run, container, lambda ended, code: self._ended(run, ended, code))
        except runtime.CannotCreate as error:
            container.wait("CreateContainerError", str(error))
            self._tell(run, "Failed", f"Error: {error}", field, warning=True)
            self._wait_for(run, container, error.path)
        except runtime.CannotStart as error:
            self._tell(run, "Created", "Container created", field)
            self._tell(run, "Failed", f"Error: {error}", field, warning=True)
            self._did_not_start(run, container, str(error))
        else:
            self._tell(run, "Created", "Container created", field)
            self._tell(run, "Started", "Container started", field)

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
        now = self._timeline.stamp()
        container.last = {
            "terminated": {
                "exitCode": 128,
                "reason": "StartError",
                "message": message,
                "startedAt": "1970-01-01T00:00:00Z",
                "finishedAt": now,
            }
        }
        container.wait("RunContainerError", message)
        if self._restarts(run, container, 128):
            self._restart_later(run, container, failed_start=True)
        else:
            container.state, container.exit_code, container.reason = "terminated", 128, "StartError"
            container.finished = now

    def _ended(self, run: PodRun, container: Container, code: int) -> None:
        if self._runs.get(run.key) is not run or run.terminating:
            return
        if self._restarts(run, container, code):
            self._restart_later(run, container)
        self._write(run)
        if container.is_init and container.succeeded:
            self._after(run, SYNC_S, self._start)
        self._settle(run)

    def _restarts(self, run: PodRun, container: Container, code: int) -> bool:
        if container.is_sidecar:
            return True
        if run.restart_policy == "Always" and not container.is_init:
            return True
        return run.restart_policy != "Never" and code != 0

    def _is_over(self, run: PodRun) -> bool:
        return podstatus.phase_of(run.inits, run.containers, run.restart_policy, False) in ("Succeeded", "Failed")

    def _restart_later(self, run: PodRun, container: Container, *, failed_start: bool = False) -> None:
        """At once after the first crash, then ever later. What fails by itself does not keep the world busy."""
        ran_s = (self._timeline.now_ns - container.started_ns) / 1e9
        container.crashes = 1 if ran_s >= FORGIVEN_S and not failed_start else container.crashes + 1
        delay_s = RESTART_S
        if container.crashes > 1:
            delay_s = min(BACK_OFF_S * 2 ** min(container.crashes - 2, 10), BACK_OFF_S_MAX)
            name, uid = run.meta["name"], run.uid
            of_pod = f"{name}_{run.key.namespace}({uid})"
            if not failed_start:
                text = f"back-off {_duration(delay_s)} restarting failed container={container.name} pod={of_pod}"
                container.wait("CrashLoopBackOff", text)
            field = f"spec.containers{{{container.name}}}"
            text = f"Back-off restarting failed container {container.name} in pod {of_pod}"
            self._tell(run, "BackOff", text, field, warning=True)
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
            record = self._world.store.get(key)
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
        obj = self._world.read(*run.key) or run.pod
        grace_s = float(obj["metadata"].get("deletionGracePeriodSeconds") or 0)
        run.generation = obj["metadata"].get("generation", run.generation)
        ends_s = 0.0
        for container in run.all:
            if container.state == "running":
                field = f"spec.containers{{{container.name}}}"
                self._tell(run, "Killing", f"Stopping container {container.name}", field)
                container.ask_to_end()
                stops_s = self._starter.stops_s(run, container, PROGRAM_STOPS_S)
                container.exit_code = SIGKILLED if stops_s is None or stops_s > grace_s else 0
                ends_s = max(ends_s, grace_s if stops_s is None else min(stops_s, grace_s))
        self._after(run, ends_s, self._down)

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
        for pod in self._world.pods.on(self.node.name):
            record = self._world.store.get(pod.key)
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
        """Bring the pod's status up to date, if it is not."""
        obj = self._world.read(*run.key)
        if obj is None or obj["metadata"]["uid"] != run.uid:
            self._forget(run)
            return
        status = self._status(run, obj.get("status") or {})
        if all((obj.get("status") or {}).get(field) == value for field, value in status.items()):
            return
        patch = {"metadata": {"uid": run.uid}, "status": status}
        try:
            self._client.patch(PODS, run.key.namespace, run.key.name, patch, subresource="status")
        except ApiError as error:
            if error.code in (404, 409):
                self._forget(run)
            else:
                self._after(run, RETRY_S, self._write, idle=True)

    def _status(self, run: PodRun, standing: Mapping[str, Any]) -> Object:
        phase = podstatus.phase_of(run.inits, run.containers, run.restart_policy, run.stopped)
        now = self._timeline.stamp()
        before = standing.get("conditions") or ()
        status: Object = {
            "phase": phase,
            "conditions": podstatus.conditions(
                run.inits, run.containers, phase, run.has_sandbox, before, run.generation, now
            ),
            "containerStatuses": [podstatus.container_status(each) for each in run.containers],
            "hostIP": self.node.ip,
            "hostIPs": [{"ip": self.node.ip}],
            "observedGeneration": run.generation,
            "startTime": run.started,
        }
        if run.inits:
            status["initContainerStatuses"] = [podstatus.container_status(each) for each in run.inits]
        if run.ip:
            status |= {"podIP": run.ip, "podIPs": [{"ip": run.ip}]}
        return status

    def _tell(self, run: PodRun, reason: str, message: str, field: str, *, warning: bool = False) -> None:
        self._world.recorder.tell(
            run.pod, reason, message, "kubelet", warning=warning, host=self.node.name, field=field
        )

    def _stop_waiting(self, run: PodRun) -> None:
        for path in sorted(run.waits_for):
            self._waiting.get(path, {}).pop(run.key, None)
        run.waits_for.clear()


def _duration(seconds: float) -> str:
    """As Go writes it: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
