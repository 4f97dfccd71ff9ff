"""ReplicaSets: as many pods as wanted. Adopting pods that nobody owns is not simulated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spo.model.resource import Resource
from spo.sim.client import Object
from spo.sim.controllers.base import Controller, Uids, World, controller_reference
from spo.sim.controllers.index import PodFacts
from spo.sim.controllers.podtemplate import pod_of
from spo.sim.store import Change, StoreKey

REPLICASETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
COMPONENT = "replicaset-controller"
BURST = 500


def superfluous(pods: Iterable[PodFacts], count: int) -> list[PodFacts]:
    """Which to delete first: without a node, then not ready, then the youngest (controller.ActivePods)."""
    ranked = sorted(pods, key=lambda pod: pod.created, reverse=True)
    return sorted(ranked, key=lambda pod: (bool(pod.node), pod.phase == "Running", pod.ready))[:count]


class ReplicaSets(Controller):
    component = "serviceaccount:kube-system:replicaset-controller"
    watches = frozenset({"replicasets.apps", "pods"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._keys = Uids()

    def hear(self, change: Change) -> None:
        self.want(change.key)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        pod = new or old
        assert pod is not None
        key = self._keys.key_of(pod.owner)
        if key is not None:
            self.want(key)

    def work(self, key: StoreKey) -> None:
        replica_set = self.world.read(*key)
        if replica_set is None:
            self._keys.drop(key)
            return
        uid = replica_set["metadata"]["uid"]
        self._keys.add(key, uid)
        pods = list(self.world.pods.of(uid))
        active = [pod for pod in pods if pod.is_active]
        if not replica_set["metadata"].get("deletionTimestamp"):
            self._scale(replica_set, active)
        self._say(replica_set, [pod for pod in self.world.pods.of(uid) if pod.is_active], pods)

    def _scale(self, replica_set: Object, active: list[PodFacts]) -> None:
        lacking = replica_set["spec"].get("replicas", 1) - len(active)
        reference = controller_reference("apps/v1", "ReplicaSet", replica_set)
        for _ in range(min(lacking, BURST)):
            pod = pod_of(replica_set["spec"]["template"], replica_set["metadata"]["namespace"], reference, {})
            self.create_pod(replica_set, pod, COMPONENT)
        for facts in superfluous(active, -lacking) if lacking < 0 else ():
            self.delete_pod(replica_set, facts, COMPONENT)

    def _say(self, replica_set: Object, active: list[PodFacts], pods: list[PodFacts]) -> None:
        ready = sum(pod.ready for pod in active)
        terminating = sum(pod.deleting and not pod.is_finished for pod in pods)
        labels = replica_set["spec"]["template"].get("metadata", {}).get("labels", {}).items()
        status: dict[str, Any] = {"replicas": len(active)}
        optional = {
            "fullyLabeledReplicas": sum(labels <= dict(pod.labels).items() for pod in active),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        status |= {name: count for name, count in optional.items() if count}
        status["terminatingReplicas"] = terminating
        status["observedGeneration"] = replica_set["metadata"].get("generation", 1)
        if replica_set.get("status") != status:
            self.client.update(REPLICASETS, {**replica_set, "status": status}, "status")
