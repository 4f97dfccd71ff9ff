"""A pod that something is still happening to, as its kubelet remembers it. Steady pods need no memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from spo.sim.node.container import Container
from spo.sim.store import StoreKey
from spo.sim.timeline import Alarm, Timeline

Object = dict[str, Any]


class PodRun:
    """Its containers, and the alarms that die with it."""

    __slots__ = (
        "alarms",
        "beat_ns",
        "containers",
        "deadline",
        "failure",
        "generation",
        "has_sandbox",
        "inits",
        "ip",
        "key",
        "pod",
        "started",
        "stopped",
        "terminating",
        "uid",
        "waits_for",
    )

    def __init__(self, key: StoreKey, pod: Object, timeline: Timeline) -> None:
        self.key = key
        self.pod = pod
        self.uid: str = pod["metadata"]["uid"]
        self.generation: int = pod["metadata"].get("generation", 1)
        spec, status = pod["spec"], pod.get("status") or {}
        self.inits = [Container(each, timeline, True) for each in spec.get("initContainers") or ()]
        self.containers = [Container(each, timeline, False) for each in spec["containers"]]
        if self.inits:
            for container in self.containers:
                container.reason = "PodInitializing"
        self.ip: str = status.get("podIP", "")
        self.has_sandbox = bool(self.ip)
        self.started: str = status.get("startTime", "")
        self.terminating = False
        self.stopped = False  # nothing of it will run again
        self.failure = ("", "")  # reason and message of a pod that failed as a whole
        self.alarms: list[Alarm] = []
        self.deadline: Alarm | None = None
        self.beat_ns = 0  # when it first could not start
        self.waits_for: set[str] = set()  # files on the node without which it cannot start
        for field, containers in (("initContainerStatuses", self.inits), ("containerStatuses", self.containers)):
            known = {each["name"]: each for each in status.get(field) or ()}
            for container in containers:
                if container.name in known:
                    container.adopt(known[container.name])

    def take_spec(self, pod: Object) -> list[Container]:
        """The pod has changed; gives the containers that must be replaced because their image did."""
        self.pod, self.generation = pod, pod["metadata"].get("generation", self.generation)
        spec = pod["spec"]
        fresh = {each["name"]: each for each in (*(spec.get("initContainers") or ()), *spec["containers"])}
        replaced = []
        for container in self.all:
            container.spec = fresh.get(container.name, container.spec)
            runs_on = not container.is_init or container.is_sidecar
            if container.spec["image"] != container.image and runs_on and container.state == "running":
                replaced.append(container)
        return replaced

    def deadline_left_s(self, now: float) -> float | None:
        """How long it may still be active; `None`: for ever."""
        limit_s = self.pod["spec"].get("activeDeadlineSeconds")
        if limit_s is None or not self.started:
            return None
        return max(0.0, datetime.fromisoformat(self.started).timestamp() + float(limit_s) - now)

    @property
    def all(self) -> list[Container]:
        return [*self.inits, *self.containers]

    @property
    def gates(self) -> list[str]:
        """Conditions that others must set before the pod is ready."""
        return [each["conditionType"] for each in self.pod["spec"].get("readinessGates") or ()]

    @property
    def restart_policy(self) -> str:
        return str(self.pod["spec"].get("restartPolicy", "Always"))

    @property
    def is_steady(self) -> bool:
        """Nothing will happen to it by itself."""
        return not self.terminating and all(each.is_steady for each in self.all)

    @property
    def meta(self) -> Mapping[str, Any]:
        metadata: Mapping[str, Any] = self.pod["metadata"]
        return metadata
