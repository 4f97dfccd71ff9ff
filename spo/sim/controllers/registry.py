"""Which parts a cluster has, and who hears of what."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spo.sim.controllers.base import Controller
from spo.sim.controllers.cronjob import CronJobs
from spo.sim.controllers.daemonset import DaemonSets
from spo.sim.controllers.deployment import Deployments
from spo.sim.controllers.disruption import Disruptions
from spo.sim.controllers.garbage import GarbageCollector
from spo.sim.controllers.job import Jobs
from spo.sim.controllers.namespace import Namespaces
from spo.sim.controllers.nodelife import NodeLife
from spo.sim.controllers.quota import ResourceQuotas
from spo.sim.controllers.replicaset import ReplicaSets, ReplicationControllers
from spo.sim.controllers.rootca import RootCertificates
from spo.sim.controllers.scheduler import Scheduler
from spo.sim.controllers.serviceaccount import ServiceAccounts
from spo.sim.controllers.statefulset import StatefulSets
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change

Part = type[Controller]

ALL: tuple[Part, ...] = (
    ServiceAccounts,
    RootCertificates,
    Namespaces,
    GarbageCollector,
    ResourceQuotas,
    NodeLife,
    Scheduler,
    DaemonSets,
    ReplicaSets,
    ReplicationControllers,
    Deployments,
    StatefulSets,
    Jobs,
    CronJobs,
    Disruptions,
)
HOUSEKEEPING: tuple[Part, ...] = (Namespaces, GarbageCollector)  # what the recorded `controllers` sequences had

EVERYTHING = "*"


class Dispatcher:
    """Tells each part what it wants to hear, in the order of the parts; and whoever asks, of every pod."""

    def __init__(self, context: SharedContext, parts: Iterable[Part]) -> None:
        self._context = context
        self.parts = tuple(part(context) for part in parts)
        self._of: dict[str, list[Controller]] = {}
        for part in self.parts:
            for resource in sorted(part.watches):
                self._of.setdefault(resource, []).append(part)
        self.on_pod: Callable[[PodFacts | None, PodFacts | None], None] | None = None

    def on_change(self, change: Change) -> None:
        context, resource = self._context, change.key.resource
        context.owners.hear(change)
        for part in self._of.get(EVERYTHING, ()):
            part.hear(change)
        if resource != "pods":
            for part in self._of.get(resource, ()):
                part.hear(change)
            return
        old, new = context.pods.hear(change)
        for part in self._of.get("pods", ()):
            part.hear_pod(old, new)
        if self.on_pod is not None:
            self.on_pod(old, new)

    def part(self, kind: type[Controller]) -> Controller | None:
        return next((part for part in self.parts if type(part) is kind), None)
