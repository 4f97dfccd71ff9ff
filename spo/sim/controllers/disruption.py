"""Disruption budgets: how many pods are well, how many must be, and so how many may be evicted now.

Source: pkg/controller/disruption. The eviction itself is the API server's (`spo/sim/api/verbs/eviction.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from spo.model.resource import Resource
from spo.sim.api.selectors import LabelSelector
from spo.sim.api.verbs.eviction import selector_of
from spo.sim.client import Object
from spo.sim.controllers.base import Controller, controller_of
from spo.sim.controllers.podtemplate import share
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey

BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
SCALED = ("ReplicaSet", "ReplicationController", "StatefulSet", "Deployment")  # owners whose `replicas` are expected
DISRUPTED_S = 120.0  # an evicted pod that did not go by then stays


class Disruptions(Controller):
    component = "serviceaccount:kube-system:disruption-controller"
    watches = frozenset({"poddisruptionbudgets.policy", "pods"})
    delay_s = 0.05  # many pods change at once; one pass sees them all

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._selectors: dict[str, dict[StoreKey, LabelSelector]] = {}  # by namespace

    def hear(self, change: Change) -> None:
        key, known = change.key, self._selectors.setdefault(change.key.namespace, {})
        if change.after is None:
            known.pop(key, None)
            if not known:
                del self._selectors[key.namespace]
            return
        selector = change.after.object()["spec"].get("selector")
        if selector is not None:  # no selector: no pods
            known[key] = selector_of(selector)
        self.want(key)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        pod = new or old
        if pod is None or pod.key.namespace not in self._selectors:
            return
        for key, selector in self._selectors[pod.key.namespace].items():
            if any(each is not None and selector.matches(each.labels) for each in (old, new)):
                self.want(key)

    def work(self, key: StoreKey) -> None:
        budget = self.context.read(*key)
        if budget is None:
            return
        pods = self._covered(key)
        spec, before = budget["spec"], budget.get("status") or {}
        expected, desired = self._goal(spec, pods)
        disrupted = self._disrupted(key, before.get("disruptedPods") or {}, pods)
        healthy = sum(pod.ready and not pod.deleting and pod.key.name not in disrupted for pod in pods)
        allowed = max(0, healthy - desired) if expected else 0
        status: Object = {
            "observedGeneration": budget["metadata"].get("generation", 1),
            **({"disruptedPods": disrupted} if disrupted else {}),
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "conditions": self._conditions(budget, allowed),
        }
        if before != status:
            self.client.update(BUDGETS, {**budget, "status": status}, "status")

    def _covered(self, key: StoreKey) -> list[PodFacts]:
        selector = self._selectors.get(key.namespace, {}).get(key)
        if selector is None:
            return []
        records = self.context.store.scan("pods", key.namespace)
        found = (self.context.pods.all.get(record.key) for record in records if selector.matches(record.labels))
        return [pod for pod in found if pod is not None and not pod.is_finished]

    def _goal(self, spec: Mapping[str, Any], pods: Sequence[PodFacts]) -> tuple[int, int]:
        """Pods that are expected, and how many of them must be healthy."""
        most, least = spec.get("maxUnavailable"), spec.get("minAvailable")
        if most is not None:
            expected = self._expected(pods)
            return expected, max(0, expected - share(most, expected, up=True, default=0))
        if isinstance(least, int):
            return len(pods), least
        if least is None:
            return len(pods), 0
        expected = self._expected(pods)
        return expected, share(least, expected, up=True, default=0)

    def _expected(self, pods: Sequence[PodFacts]) -> int:
        """What the pods' owners want, each asked once."""
        scales: dict[str, int] = {}
        for pod in pods:
            obj = self.context.read(*pod.key)
            owner = controller_of(obj) if obj is not None else None
            if owner is not None and owner["uid"] not in scales:
                scales[str(owner["uid"])] = self._scale(owner, pod.key.namespace)
        return sum(scales.values())

    def _scale(self, owner: Mapping[str, Any], namespace: str) -> int:
        """Of a ReplicaSet the Deployment's, if it has one: there may be two sets during a roll-out."""
        resource = self.context.resource(owner["apiVersion"], owner["kind"])
        if resource is None or owner["kind"] not in SCALED:
            return 0
        obj = self.context.read(resource.storage, namespace, owner["name"])
        above = controller_of(obj) if obj is not None else None
        if above is not None and above["kind"] in SCALED:
            return self._scale(above, namespace)
        replicas: int = obj["spec"].get("replicas", 1) if obj is not None else 0
        return replicas

    def _disrupted(self, key: StoreKey, standing: Mapping[str, str], pods: Sequence[PodFacts]) -> dict[str, str]:
        """Pods whose eviction was granted, and that have not begun to go yet."""
        there, now, kept = {pod.key.name for pod in pods if not pod.deleting}, self.context.timeline.now, {}
        for name, since in standing.items():
            left_s = datetime.fromisoformat(since).timestamp() + DISRUPTED_S - now
            if name in there and left_s > 0:
                kept[name] = since
                self.want(key, left_s, idle=True)
        return kept

    def _conditions(self, budget: Object, allowed: int) -> list[Object]:
        status, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
        standing = (budget.get("status") or {}).get("conditions") or []
        old: Object = next((each for each in standing if each["type"] == "DisruptionAllowed"), {})
        generation = budget["metadata"].get("generation", 1)
        now = self.context.timeline.stamp()
        condition = {
            "type": "DisruptionAllowed",
            "status": status,
            "observedGeneration": generation,
            "lastTransitionTime": old.get("lastTransitionTime", now) if old.get("status") == status else now,
            "reason": reason,
            "message": "",
        }
        return [*(each for each in standing if each["type"] != "DisruptionAllowed"), condition]
