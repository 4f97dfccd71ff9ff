"""The scheduler: gives each pod without a node the least loaded node that it may run on."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spo.model.resource import PODS
from spo.sim.api.verbs.eviction import BUDGETS, selector_of
from spo.sim.client import Object
from spo.sim.controllers import preemption
from spo.sim.controllers.base import Controller
from spo.sim.controllers.placement import NodeFacts, named_node, node_facts, not_supported, why_not
from spo.sim.controllers.podconditions import disruption, put_condition
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.shared.resource_requests import NOTHING, Needs, Usage
from spo.sim.store import Change, StoreKey

COMPONENT = "default-scheduler"
CLAIMS = "persistentvolumeclaims"
EXPLAINED_NODES = 100  # nodes an explanation looks at one by one, in a large cluster


class Loads:
    """What the pods of each node need together; walks them from the one with the fewest pods."""

    def __init__(self) -> None:
        self._of: dict[str, Usage] = {}
        self._order: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, node: str) -> Usage:
        return self._of[node]

    def add(self, node: str, needs: Iterable[Needs]) -> None:
        if node not in self._of:
            usage = self._of[node] = Usage()
            for each in needs:
                usage.add(each)
            insort(self._order, (usage.pods, node))

    def remove(self, node: str) -> None:
        if node in self._of:
            del self._order[bisect_left(self._order, (self._of.pop(node).pods, node))]

    def come(self, node: str, needs: Needs) -> None:
        self._move(node, needs, +1)

    def go(self, node: str, needs: Needs) -> None:
        self._move(node, needs, -1)

    def _move(self, node: str, needs: Needs, by: int) -> None:
        usage = self._of.get(node)
        if usage is None:
            return
        del self._order[bisect_left(self._order, (usage.pods, node))]
        (usage.add if by > 0 else usage.remove)(needs)
        insort(self._order, (usage.pods, node))

    def __iter__(self) -> Iterator[str]:
        return (node for _, node in tuple(self._order))


class Scheduler(Controller):
    """A pod that fits nowhere is looked at again when a node changes or a pod makes room."""

    component = "kube-scheduler"
    watches = frozenset({"pods", "nodes", CLAIMS})

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._nodes: dict[str, NodeFacts] = {}
        self._loads = Loads()
        self._waiting: dict[StoreKey, None] = {}
        self._promised: dict[StoreKey, tuple[str, Needs]] = {}  # room that is being made, and for whom

    def hear(self, change: Change) -> None:
        name = change.key.name
        if change.key.resource == CLAIMS:
            self._try_waiting()
        elif change.after is None:
            self._nodes.pop(name, None)
            self._loads.remove(name)
        elif self._nodes.get(name) != (fresh := node_facts(change.after.object())):
            self._nodes[name] = fresh
            self._loads.add(name, (pod.needs for pod in self.context.pods.on(name) if not pod.is_finished))
            self._try_waiting()

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        before = old.node if old and not old.is_finished else ""
        after = new.node if new and not new.is_finished else ""
        if before != after:
            if before and old:
                self._loads.go(before, old.needs)
                self._try_waiting()
            if after and new:
                self._loads.come(after, new.needs)
        if new is not None and not new.node and new.is_active and new.key not in self._waiting:
            self.want(new.key)
        elif old is not None and (new is None or new.node):
            self._waiting.pop(old.key, None)
            self._promised.pop(old.key, None)

    def work(self, key: StoreKey) -> None:
        pod, facts = self.context.read(*key), self.context.pods.all.get(key)
        if pod is None or facts is None or facts.node or facts.deleting:
            return
        if pod["spec"].get("schedulerName", COMPONENT) != COMPONENT:
            return
        if pod["spec"].get("schedulingGates"):
            self._wait(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")
            return
        volumes = self._volumes_lack(key.namespace, pod["spec"])
        if volumes:
            node, why = "", f"0/{len(self._nodes)} nodes are available: {volumes}."
        else:
            node, why = self._choose(key, pod["spec"], facts.needs)
        if node:
            self._bind(pod, node)
            return
        if not volumes:
            self._preempt(key, pod, facts.needs)
        self._waiting[key] = None
        self._wait(pod, "Unschedulable", why)

    # -- choosing ----------------------------------------------------------------------------------------------------

    def _choose(self, key: StoreKey, spec: Mapping[str, Any], needs: Needs) -> tuple[str, str]:
        unknown = not_supported(spec)
        if unknown:
            return "", f"the simulated scheduler does not support {unknown}"
        named = named_node(spec)
        candidates = self._candidates(named)
        reasons: Counter[str] = Counter()
        for looked_at, name in enumerate(candidates):
            reason = self._lack(key, name, needs) or why_not(spec, self._nodes[name])
            if not reason:
                return name, ""
            if looked_at < EXPLAINED_NODES:
                reasons[reason] += 1
        if named:
            of_others = len(self._nodes) - (named in self._nodes)
            reasons["node(s) didn't satisfy plugin(s) [NodeAffinity]"] += of_others
        said = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items() if count))
        if not said:
            return "", "no nodes available to schedule pods"
        return "", f"0/{len(self._nodes)} nodes are available: {said}."

    def _volumes_lack(self, namespace: str, spec: Mapping[str, Any]) -> str:
        """Which claim of storage is not there, or not bound: then it fits nowhere (plug-in VolumeBinding)."""
        for volume in spec.get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            claim = self.context.read(CLAIMS, namespace, name) if name else None
            if name and claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim is not None and (claim.get("status") or {}).get("phase") != "Bound":
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _candidates(self, named: str) -> Iterable[str]:
        if not named:
            return self._loads
        return (named,) if named in self._nodes else ()

    def _lack(self, key: StoreKey, name: str, needs: Needs) -> str:
        """What the node has too little of, beside its pods and the more urgent ones that room is being made for."""
        node, usage = self._nodes[name], self._loads[name]
        expected = self._expected(key, name, needs)
        for other in expected:
            usage.add(other)
        reason = usage.lacks(needs, node.allocatable, node.capacity_pods)
        for other in expected:
            usage.remove(other)
        return reason

    def _expected(self, key: StoreKey, name: str, needs: Needs) -> list[Needs]:
        """Of pods at least as urgent that room is being made for on the node."""
        if not self._promised:
            return []
        others = [other for each, (place, other) in self._promised.items() if place == name and each != key]
        return [other for other in others if other.priority >= needs.priority]

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
        self.context.recorder.tell(pod, "Scheduled", message, COMPONENT)

    # -- making room -------------------------------------------------------------------------------------------------

    def _preempt(self, key: StoreKey, pod: Object, needs: Needs) -> None:
        """Push less urgent pods aside, where that makes room."""
        if needs.priority <= NOTHING.priority or pod["spec"].get("preemptionPolicy") == "Never":
            return
        if not_supported(pod["spec"]):
            return
        promised, _ = self._promised.get(key, ("", needs))
        if any(each.deleting and each.needs.priority < needs.priority for each in self.context.pods.on(promised)):
            return  # those that are on their way out make room
        found = {}
        for name in self._candidates(named_node(pod["spec"])):
            node = self._nodes[name]
            if why_not(pod["spec"], node):
                continue
            here = [each for each in self.context.pods.on(name) if not each.is_finished]
            expected = self._expected(key, name, needs)
            going = preemption.victims(needs, here, node.allocatable, node.capacity_pods, expected)
            if going:
                found[name] = going
        node_name = preemption.best(found, self._violations)
        if not node_name:
            return
        self._take_back(node_name, needs)
        self._promised[key] = (node_name, needs)
        for victim in found[node_name]:
            self._push_aside(victim, pod, node_name)
        self._nominate(key, node_name)

    def _violations(self, going: Iterable[PodFacts]) -> int:
        """How many of them a disruption budget protects now."""
        broken = 0
        for victim in going:
            for record in self.context.store.scan(BUDGETS, victim.key.namespace):
                budget = record.object()
                covers = selector_of(budget["spec"].get("selector") or {}).matches(victim.labels)
                broken += covers and not (budget.get("status") or {}).get("disruptionsAllowed")
        return broken

    def _push_aside(self, victim: PodFacts, pod: Object, node: str) -> None:
        obj = self.context.read(*victim.key)
        if obj is None or victim.deleting:
            return
        message = f"{COMPONENT}: preempting to accommodate a higher priority pod"
        why = disruption(obj, "PreemptionByScheduler", message, self.context.timeline.stamp())
        put_condition(self.client, obj, why)
        self.client.delete(PODS, victim.key.namespace, victim.key.name, uid=victim.uid)
        text = f"Preempted by pod {pod['metadata']['uid']} on node {node}"
        self.context.recorder.tell(obj, "Preempted", text, COMPONENT)

    def _take_back(self, node: str, needs: Needs) -> None:
        """What was promised to the less urgent there does not hold: they look for room anew."""
        for key in [each for each, (place, other) in self._promised.items() if place == node]:
            if self._promised[key][1].priority < needs.priority:
                del self._promised[key]
                self._nominate(key, None)

    def _nominate(self, key: StoreKey, node: str | None) -> None:
        pod = self.context.pods.all.get(key)
        if pod is not None:
            patch = {"metadata": {"uid": pod.uid}, "status": {"nominatedNodeName": node}}
            self.client.patch(PODS, key.namespace, key.name, patch, subresource="status")

    # -- waiting -----------------------------------------------------------------------------------------------------

    def _wait(self, pod: Object, reason: str, why: str) -> None:
        conditions = (pod.get("status") or {}).get("conditions") or ()
        standing = next((each for each in conditions if each["type"] == "PodScheduled"), None)
        if standing is not None and standing.get("message") == why:
            return
        condition = {
            "type": "PodScheduled",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "False",
            "reason": reason,
            "message": why,
            "lastProbeTime": None,
            "lastTransitionTime": self.context.timeline.stamp(),
        }
        put_condition(self.client, pod, condition)
        if reason == "Unschedulable":
            self.context.recorder.tell(pod, "FailedScheduling", why, COMPONENT, warning=True)

    def _try_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for key in waiting:
            self.want(key)
