"""Node life: a node whose kubelet is silent is marked and tainted, its pods are evicted; pods of removed nodes go.

Heartbeats cost nothing here: no lease is written. The cluster tells this part when a kubelet falls silent and when it
speaks again; 40 s of silence make the node NotReady, as missed leases would. Times and texts: recordings, session-3.
"""

from __future__ import annotations

from typing import Any

from spo.model.resource import NODES, PODS
from spo.sim.client import Object
from spo.sim.controllers.base import Controller, World
from spo.sim.controllers.index import PodFacts
from spo.sim.controllers.placement import tolerates
from spo.sim.store import Change, StoreKey

GRACE_S = 40.0  # node-monitor-grace-period (50 s from 1.32 on; the recording shows 40)
QUARANTINE_S = 40.0  # podgc: a node must be gone this long before its pods are
DEFAULT_TOLERATION_S = 300.0
UNREACHABLE = "node.kubernetes.io/unreachable"
SILENT = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
COMPONENT = "node-controller"


class NodeLife(Controller):
    """Keys are (duty, name): `silent`, `back` and `removed` of a node, `evict` of a pod."""

    component = "serviceaccount:kube-system:node-controller"
    watches = frozenset({"nodes", "pods"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._silent: set[str] = set()

    # -- told by the cluster -----------------------------------------------------------------------------------------

    def kubelet_fell_silent(self, node: str) -> None:
        self._silent.add(node)
        self.want(("silent", node), GRACE_S)

    def kubelet_speaks(self, node: str) -> None:
        self._silent.discard(node)
        self.want(("back", node))

    # -- heard -------------------------------------------------------------------------------------------------------

    def hear(self, change: Change) -> None:
        name = change.key.name
        if change.after is None:
            self.want(("removed", name), QUARANTINE_S)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        if new is None or not new.node or (old is not None and old.node == new.node):
            return
        if self.world.store.get(StoreKey("nodes", "", new.node)) is None:
            self.want(("removed", new.node), QUARANTINE_S)

    # -- done --------------------------------------------------------------------------------------------------------

    def work(self, key: tuple[str, Any]) -> None:
        duty, what = key
        match duty:
            case "silent" if what in self._silent:
                self._mark(what)
            case "back" if what not in self._silent:
                self._clear(what)
            case "removed":
                self._collect(what)
            case "evict":
                self._evict(what)

    def _mark(self, name: str) -> None:
        node = self.world.read("nodes", "", name)
        if node is None:
            return
        now = self.world.timeline.stamp()
        reason, message = SILENT
        heard = [
            {**each, "status": "Unknown", "reason": reason, "message": message, "lastTransitionTime": now}
            for each in node["status"].get("conditions") or ()
        ]
        self.client.patch(NODES, "", name, {"status": {"conditions": heard}}, subresource="status")
        others = [each for each in node["spec"].get("taints") or () if each["key"] != UNREACHABLE]
        ours = [{"key": UNREACHABLE, "effect": effect, "timeAdded": now} for effect in ("NoSchedule", "NoExecute")]
        self.client.patch(NODES, "", name, {"spec": {"taints": others + ours}})
        self.world.recorder.tell(node, "NodeNotReady", f"Node {name} status is now: NodeNotReady", COMPONENT)
        for pod in self.world.pods.on(name):
            self._doubt(pod, now)
            stands_s = self._tolerated_s(pod)
            if stands_s is not None and not pod.deleting:
                self.want(("evict", pod.key), stands_s)

    def _doubt(self, pod: PodFacts, now: str) -> None:
        """A pod on a silent node is not ready, as far as anyone knows."""
        obj = self.world.read(*pod.key)
        if obj is None or not pod.ready:
            return
        conditions = [
            {**each, "status": "False", "lastTransitionTime": now} if each["type"] == "Ready" else each
            for each in obj["status"]["conditions"]
        ]
        patch = {"metadata": {"uid": pod.uid}, "status": {"conditions": conditions}}
        self.client.patch(PODS, pod.key.namespace, pod.key.name, patch, subresource="status")
        self.world.recorder.tell(obj, "NodeNotReady", "Node is not ready", COMPONENT, warning=True)

    def _clear(self, name: str) -> None:
        node = self.world.read("nodes", "", name)
        if node is None:
            return
        taints = node["spec"].get("taints") or ()
        left = [each for each in taints if each["key"] != UNREACHABLE]
        if len(left) < len(taints):
            self.client.patch(NODES, "", name, {"spec": {"taints": left or None}})

    def _evict(self, key: StoreKey) -> None:
        pod = self.world.pods.all.get(key)
        if pod is None or pod.deleting or pod.node not in self._silent:
            return
        obj = self.world.read(*key)
        self.client.delete(PODS, key.namespace, key.name, uid=pod.uid)
        if obj is not None:
            message = f"Marking for deletion Pod {key.namespace}/{key.name}"
            self.world.recorder.tell(obj, "TaintManagerEviction", message, "taint-eviction-controller")

    def _collect(self, node: str) -> None:
        """The node is gone for good, and nobody else will ever say that its pods are, too."""
        if self.world.store.get(StoreKey("nodes", "", node)) is not None:
            return
        self._silent.discard(node)
        for pod in self.world.pods.on(node):
            self.client.delete(PODS, pod.key.namespace, pod.key.name, uid=pod.uid, grace_s=0)

    def _tolerated_s(self, pod: PodFacts) -> float | None:
        """How long the pod stands the taint; `None`: for ever."""
        obj = self.world.read(*pod.key)
        taint = {"key": UNREACHABLE, "effect": "NoExecute"}
        matching = [each for each in _tolerations(obj) if tolerates(each, taint)]
        if not matching:
            return 0.0
        limits = [each["tolerationSeconds"] for each in matching if each.get("tolerationSeconds") is not None]
        return float(min(limits)) if limits else None


def _tolerations(pod: Object | None) -> list[Object]:
    found: list[Object] = (pod or {"spec": {}})["spec"].get("tolerations") or []
    if any(each.get("key") == UNREACHABLE or not each.get("key") for each in found):
        return found
    # The DefaultTolerationSeconds admission plug-in adds this to every pod; a pod made without it is treated alike.
    return [*found, {"key": UNREACHABLE, "operator": "Exists", "tolerationSeconds": DEFAULT_TOLERATION_S}]
