"""ReplicaSets and ReplicationControllers: as many pods as wanted. Source: pkg/controller/replicaset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from spo.model.resource import Resource
from spo.sim.api.selectors import LabelSelector
from spo.sim.api.status import ApiError
from spo.sim.api.verbs.eviction import selector_of
from spo.sim.client import Object
from spo.sim.controllers.adoption import Claims, PodItems
from spo.sim.controllers.availability import Availability
from spo.sim.controllers.base import Controller, controller_reference
from spo.sim.controllers.podtemplate import pod_of
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey

REPLICASETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
REPLICATION_CONTROLLERS = Resource("", "v1", "replicationcontrollers", "ReplicationController")
BURST = 500


def superfluous(pods: Iterable[PodFacts], count: int) -> list[PodFacts]:
    """Which to delete first: without a node, then not ready, then the youngest (controller.ActivePods)."""
    ranked = sorted(pods, key=lambda pod: pod.created, reverse=True)
    return sorted(ranked, key=lambda pod: (bool(pod.node), pod.phase == "Running", pod.ready))[:count]


class ReplicaSets(Controller):
    component = "serviceaccount:kube-system:replicaset-controller"
    watches = frozenset({"replicasets.apps", "pods"})
    resource: ClassVar[Resource] = REPLICASETS
    teller: ClassVar[str] = "replicaset-controller"  # who its Events are from

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._claims = Claims(context, self.client, self.resource, PodItems(context))
        self._availability = Availability(context)

    def hear(self, change: Change) -> None:
        self.want(change.key)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        for key in self._claims.concerned(old, new):
            self.want(key)

    def work(self, key: StoreKey) -> None:
        wanted = self.context.read(*key)
        if wanted is None:
            self._claims.forget(key)
            return
        self._claims.of(wanted, self.selector(wanted["spec"]))
        refusal: ApiError | None = None
        if not wanted["metadata"].get("deletionTimestamp"):
            try:
                self._scale(wanted)
            except ApiError as error:
                refusal = error
        self._say(key, wanted, refusal)
        if refusal is not None:
            raise refusal

    def selector(self, spec: Mapping[str, Any]) -> LabelSelector:
        return selector_of(spec["selector"])

    def terminating(self, pods: list[PodFacts]) -> Object:
        """The part of the status that tells of pods on their way out."""
        return {"terminatingReplicas": sum(pod.deleting and not pod.is_finished for pod in pods)}

    def _scale(self, wanted: Object) -> None:
        active = [pod for pod in self.context.pods.of(wanted["metadata"]["uid"]) if pod.is_active]
        lacking = wanted["spec"].get("replicas", 1) - len(active)
        reference = controller_reference(self.resource.api_version, self.resource.kind, wanted)
        for _ in range(min(lacking, BURST)):
            pod = pod_of(wanted["spec"]["template"], wanted["metadata"]["namespace"], reference, {})
            self.create_pod(wanted, pod, self.teller)
        for facts in superfluous(active, -lacking) if lacking < 0 else ():
            self.delete_pod(wanted, facts, self.teller)

    def _say(self, key: StoreKey, wanted: Object, refusal: ApiError | None) -> None:
        pods = list(self.context.pods.of(wanted["metadata"]["uid"]))
        active = [pod for pod in pods if pod.is_active]
        available, again_s = self._availability.of(active, wanted["spec"].get("minReadySeconds", 0))
        if again_s is not None:
            self.want(key, again_s)
        labels = wanted["spec"]["template"].get("metadata", {}).get("labels", {}).items()
        optional = {
            "fullyLabeledReplicas": sum(labels <= dict(pod.labels).items() for pod in active),
            "readyReplicas": sum(pod.ready for pod in active),
            "availableReplicas": len(available),
        }
        before = wanted.get("status") or {}
        status: dict[str, Any] = {
            "replicas": len(active),
            **{name: count for name, count in optional.items() if count},
            **self.terminating(pods),
            "observedGeneration": wanted["metadata"].get("generation", 1),
        }
        conditions = self._conditions(before.get("conditions") or [], refusal, len(active), wanted["spec"])
        if conditions:
            status["conditions"] = conditions
        if before != status:
            self.client.update(self.resource, {**wanted, "status": status}, "status")

    def _conditions(
        self, standing: list[Object], refusal: ApiError | None, active: int, spec: Mapping[str, Any]
    ) -> list[Object]:
        """`ReplicaFailure` stands from the first refusal until the number is right again."""
        if refusal is None:
            return [each for each in standing if each["type"] != "ReplicaFailure"]
        if any(each["type"] == "ReplicaFailure" for each in standing):
            return standing
        failure = {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": self.context.timeline.stamp(),
            "reason": "FailedCreate" if active < spec.get("replicas", 1) else "FailedDelete",
            "message": refusal.message,
        }
        return [*standing, failure]


class ReplicationControllers(ReplicaSets):
    """The same, as it was called in the beginning; its selector is a plain map."""

    component = "serviceaccount:kube-system:replication-controller"
    watches = frozenset({"replicationcontrollers", "pods"})
    resource = REPLICATION_CONTROLLERS
    teller = "replication-controller"

    def selector(self, spec: Mapping[str, Any]) -> LabelSelector:
        return selector_of({"matchLabels": spec["selector"]})

    def terminating(self, pods: list[PodFacts]) -> Object:
        return {}
