"""Node life: a silent node is marked and tainted, what cannot stand a taint is evicted, pods of removed nodes go.

Heartbeats cost nothing here: no lease is written. The cluster tells this part when a kubelet falls silent and when it
speaks again; 40 s of silence make the node NotReady, as missed leases would. Times and texts were recorded (Kubernetes
1.36.3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spo.model.resource import NODES, PODS
from spo.sim.controllers.base import Controller
from spo.sim.controllers.placement import UNSCHEDULABLE, tolerates
from spo.sim.controllers.podconditions import disruption, put_condition
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey
from spo.sim.timeline import SECOND_NS

GRACE_S = 40.0  # node-monitor-grace-period
QUARANTINE_S = 40.0  # podgc: a node must be gone this long before its pods are
UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"
SILENT = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
COMPONENT = "node-controller"

Taint = Mapping[str, str]

# Taints that say how a node is: by the status of its Ready condition, key and effects.
TAINTS_OF = {
    "True": (),
    "False": ((NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")),
    "Unknown": ((UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")),
}
MANAGED = frozenset({NOT_READY, UNREACHABLE, UNSCHEDULABLE})


def _standing(node: Mapping[str, Any]) -> list[Taint]:
    return (node.get("spec") or {}).get("taints") or []


def taints_of(node: Mapping[str, Any], now: str) -> list[Taint]:
    """The taints a node should have; those that stand already keep their time."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = next((each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"), "Unknown")
    wanted = list(TAINTS_OF[ready]) + ([(UNSCHEDULABLE, "NoSchedule")] if spec.get("unschedulable") else [])
    standing = list(spec.get("taints") or ())
    kept = [taint for taint in standing if taint["key"] not in MANAGED or (taint["key"], taint["effect"]) in wanted]
    known = {(taint["key"], taint["effect"]) for taint in kept}
    missing = [pair for pair in wanted if pair not in known]
    return kept + [{"key": key, "effect": effect, "timeAdded": now} for key, effect in missing]


def extended(node: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What a node's `allocatable` should be: extended resources (`example.com/x`) are all of the capacity."""
    status = node.get("status") or {}
    standing: Mapping[str, str] | None = status.get("allocatable")
    capacity = {name: value for name, value in (status.get("capacity") or {}).items() if "/" in name}
    if standing is None or not (capacity or any("/" in name for name in standing)):
        return standing
    return {name: value for name, value in standing.items() if "/" not in name} | capacity


def stands_s(tolerations: Iterable[Mapping[str, Any]], taints: Iterable[Taint]) -> float | None:
    """How long a pod stays under NoExecute taints; `None`: for ever."""
    known, limits = tuple(tolerations), []
    for taint in taints:
        matching = [each for each in known if tolerates(each, taint)]
        if not matching:
            return 0.0
        limits += [each["tolerationSeconds"] for each in matching if each.get("tolerationSeconds") is not None]
    return float(max(0, min(limits))) if limits else None


class NodeLife(Controller):
    """Keys are (duty, name): `silent`, `taint` and `removed` of a node, `evict` of a pod."""

    component = "serviceaccount:kube-system:node-controller"
    watches = frozenset({"nodes", "pods"})

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._silent: set[str] = set()
        self._driving: dict[str, tuple[tuple[Taint, ...], int]] = {}  # node → NoExecute taints, and since when

    # -- told by the cluster -----------------------------------------------------------------------------------------

    def kubelet_fell_silent(self, node: str) -> None:
        self._silent.add(node)
        self.want(("silent", node), GRACE_S)

    def kubelet_speaks(self, node: str) -> None:
        self._silent.discard(node)

    # -- heard -------------------------------------------------------------------------------------------------------

    def hear(self, change: Change) -> None:
        name = change.key.name
        if change.after is None:
            self._driving.pop(name, None)
            self.want(("removed", name), QUARANTINE_S)
            return
        node = change.after.object()
        standing = _standing(node)
        if taints_of(node, "") != standing:
            self.want(("taint", name))
        if extended(node) != (node.get("status") or {}).get("allocatable"):
            self.want(("allocatable", name))
        driving = tuple(taint for taint in standing if taint["effect"] == "NoExecute")
        if driving == self._driving.get(name, ((), 0))[0]:
            return
        if not driving:
            del self._driving[name]
            return
        self._driving[name] = (driving, self.context.timeline.now_ns)
        for pod in self.context.pods.on(name):
            self.want(("evict", pod.key))

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        if new is None or not new.node or (old is not None and old.node == new.node):
            return
        if new.node in self._driving:
            self.want(("evict", new.key))
        elif self.context.store.get(StoreKey("nodes", "", new.node)) is None:
            self.want(("removed", new.node), QUARANTINE_S)

    # -- done --------------------------------------------------------------------------------------------------------

    def work(self, key: tuple[str, Any]) -> None:
        duty, what = key
        match duty:
            case "silent" if what in self._silent:
                self._mark(what)
            case "taint":
                self._taint(what)
            case "allocatable":
                self._allocate(what)
            case "removed":
                self._collect(what)
            case "evict":
                self._evict(what)

    def _mark(self, name: str) -> None:
        """The node's conditions are unknown, and so is whether its pods are ready."""
        node = self.context.read("nodes", "", name)
        if node is None:
            return
        now = self.context.timeline.stamp()
        reason, message = SILENT
        heard = [
            {**each, "status": "Unknown", "reason": reason, "message": message, "lastTransitionTime": now}
            for each in node["status"].get("conditions") or ()
        ]
        self.client.patch(NODES, "", name, {"status": {"conditions": heard}}, subresource="status")
        self.context.recorder.tell(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady", COMPONENT)
        for pod in self.context.pods.on(name):
            self._doubt(pod, now)

    def _doubt(self, pod: PodFacts, now: str) -> None:
        obj = self.context.read(*pod.key)
        if obj is None or not pod.ready:
            return
        conditions = [
            {**each, "status": "False", "lastTransitionTime": now} if each["type"] == "Ready" else each
            for each in obj["status"]["conditions"]
        ]
        patch = {"metadata": {"uid": pod.uid}, "status": {"conditions": conditions}}
        self.client.patch(PODS, pod.key.namespace, pod.key.name, patch, subresource="status")
        self.context.recorder.tell(obj, "NodeNotReady", "Node is not ready", COMPONENT, warning=True)

    def _taint(self, name: str) -> None:
        node = self.context.read("nodes", "", name)
        if node is None:
            return
        wanted = taints_of(node, self.context.timeline.stamp())
        if wanted != _standing(node):
            version = {"resourceVersion": node["metadata"]["resourceVersion"]}
            self.client.patch(NODES, "", name, {"metadata": version, "spec": {"taints": wanted or None}})

    def _allocate(self, name: str) -> None:
        """The kubelet's part: what an administrator adds to the capacity can be allocated."""
        node = self.context.read("nodes", "", name)
        standing = ((node or {}).get("status") or {}).get("allocatable") or {}
        wanted = extended(node) if node is not None else None
        if wanted is not None and wanted != standing:
            gone: dict[str, Any] = {field: None for field in standing if field not in wanted}
            patch = {"status": {"allocatable": {**gone, **wanted}}}
            self.client.patch(NODES, "", name, patch, subresource="status")

    def _evict(self, key: StoreKey) -> None:
        """Delete a pod that has stood its node's taints as long as it can; while it still can, look again then."""
        pod = self.context.pods.all.get(key)
        obj = self.context.read(*key)
        if pod is None or obj is None or pod.deleting or pod.is_finished or pod.node not in self._driving:
            return
        taints, since_ns = self._driving[pod.node]
        limit_s = stands_s(obj["spec"].get("tolerations") or (), taints)
        if limit_s is None:
            return
        left_ns = since_ns + round(limit_s * SECOND_NS) - self.context.timeline.now_ns
        if left_ns > 0:
            self.want(("evict", key), left_ns / SECOND_NS)
            return
        why = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
        put_condition(self.client, obj, disruption(obj, *why, self.context.timeline.stamp()))
        self.client.delete(PODS, key.namespace, key.name, uid=pod.uid)
        message = f"Marking for deletion Pod {key.namespace}/{key.name}"
        self.context.recorder.tell(obj, "TaintManagerEviction", message, "taint-eviction-controller")

    def _collect(self, node: str) -> None:
        """The node is gone for good, and nobody else will ever say that its pods are, too."""
        if self.context.store.get(StoreKey("nodes", "", node)) is not None:
            return
        self._silent.discard(node)
        for pod in self.context.pods.on(node):
            obj = self.context.read(*pod.key)
            if obj is not None and not pod.is_finished:
                why = disruption(obj, "DeletionByPodGC", "PodGC: node no longer exists", self.context.timeline.stamp())
                put_condition(self.client, obj, why, phase="Failed")
            self.client.delete(PODS, pod.key.namespace, pod.key.name, uid=pod.uid, grace_s=0)
