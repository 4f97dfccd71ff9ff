"""The scheduler: gives each pod without a node the least loaded node that it may run on."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from spo.model.resource import PODS
from spo.sim.client import Object
from spo.sim.controllers.base import Controller, World
from spo.sim.controllers.index import PodFacts
from spo.sim.controllers.placement import NodeFacts, named_node, node_facts, not_supported, why_not
from spo.sim.store import Change, StoreKey

COMPONENT = "default-scheduler"
EXPLAINED_NODES = 100  # nodes an explanation looks at one by one, in a large cluster


class Loads:
    """How many pods each node has; walks them from the least loaded."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, node: str) -> int:
        return self._of.get(node, 0)

    def add(self, node: str, pods: int) -> None:
        if node not in self._of:
            self._of[node] = pods
            insort(self._order, (pods, node))

    def remove(self, node: str) -> None:
        if node in self._of:
            del self._order[bisect_left(self._order, (self._of.pop(node), node))]

    def change(self, node: str, by: int) -> None:
        if node in self._of:
            pods = self._of[node]
            self.remove(node)
            self.add(node, pods + by)

    def __iter__(self) -> Iterator[str]:
        return (node for _, node in tuple(self._order))


class Scheduler(Controller):
    """A pod that fits nowhere is looked at again when a node changes or a pod makes room."""

    component = "kube-scheduler"
    watches = frozenset({"pods", "nodes"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._nodes: dict[str, NodeFacts] = {}
        self._loads = Loads()
        self._waiting: dict[StoreKey, None] = {}

    def hear(self, change: Change) -> None:
        name = change.key.name
        if change.after is None:
            self._nodes.pop(name, None)
            self._loads.remove(name)
            return
        fresh = node_facts(change.after.object())
        if self._nodes.get(name) == fresh:
            return
        self._nodes[name] = fresh
        self._loads.add(name, sum(not pod.is_finished for pod in self.world.pods.on(name)))
        self._try_waiting()

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        before = old.node if old and not old.is_finished else ""
        after = new.node if new and not new.is_finished else ""
        if before != after:
            if before:
                self._loads.change(before, -1)
                self._try_waiting()
            if after:
                self._loads.change(after, +1)
        if new is not None and not new.node and new.is_active and new.key not in self._waiting:
            self.want(new.key)
        elif old is not None and (new is None or new.node):
            self._waiting.pop(old.key, None)

    def work(self, key: StoreKey) -> None:
        pod = self.world.read(*key)
        if pod is None or pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp"):
            return
        if pod["spec"].get("schedulerName", COMPONENT) != COMPONENT:
            return
        node, why = self._choose(pod["spec"])
        if node:
            self._bind(pod, node)
        else:
            self._waiting[key] = None
            self._say_why(pod, why)

    def _choose(self, spec: Mapping[str, Any]) -> tuple[str, str]:
        unknown = not_supported(spec)
        if unknown:
            return "", f"the simulated scheduler does not support {unknown}"
        named = named_node(spec)
        candidates = (named,) if named in self._nodes else () if named else self._loads
        reasons: Counter[str] = Counter()
        for looked_at, name in enumerate(candidates):
            node = self._nodes[name]
            full = self._loads[name] >= node.capacity_pods
            reason = "Too many pods" if full else why_not(spec, node)
            if not reason:
                return name, ""
            if looked_at < EXPLAINED_NODES:
                reasons[reason] += 1
        if named:
            reasons["node(s) didn't satisfy plugin(s) [NodeAffinity]"] += len(self._nodes) - len(candidates)
        said = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items() if count))
        if not said:
            return "", "no nodes available to schedule pods"
        return "", f"0/{len(self._nodes)} nodes are available: {said}."

    def _bind(self, pod: Object, node: str) -> None:
        metadata = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        self.client.create(PODS, binding, subresource="binding")
        message = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {node}"
        self.world.recorder.tell(pod, "Scheduled", message, COMPONENT)

    def _say_why(self, pod: Object, why: str) -> None:
        conditions = (pod.get("status") or {}).get("conditions") or ()
        standing = next((each for each in conditions if each["type"] == "PodScheduled"), None)
        if standing is not None and standing.get("message") == why:
            return
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": why,
            "lastProbeTime": None,
            "lastTransitionTime": self.world.timeline.stamp(),
        }
        metadata = pod["metadata"]
        others = [each for each in conditions if each["type"] != "PodScheduled"]
        patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [*others, condition]}}
        self.client.patch(PODS, metadata["namespace"], metadata["name"], patch, subresource="status")
        self.world.recorder.tell(pod, "FailedScheduling", why, COMPONENT, warning=True)

    def _try_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for key in waiting:
            self.want(key)
