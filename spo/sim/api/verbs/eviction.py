"""Disruption budgets, as an eviction sees them (policy/v1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spo.sim.api.selectors import LabelSelector, Requirement
from spo.sim.api.status import ApiError
from spo.sim.store import Record, Store

Object = dict[str, Any]

BUDGETS = "poddisruptionbudgets.policy"
_REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."
_TOO_MANY = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_NO_ROOM = {"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods", "message": ""}


def check_budgets(store: Store, pod: Record, stamp: str, dry_run: bool) -> None:
    """Take the eviction off the budget that covers the pod. Raises ApiError 429 if it is spent."""
    obj = pod.object()
    status = obj.get("status") or {}
    if status.get("phase", "") in ("Pending", "Succeeded", "Failed") or b'"deletionTimestamp"' in pod.body:
        return
    covering = [
        (record, budget)
        for record in store.scan(BUDGETS, pod.key.namespace)
        if _covers(budget := record.object(), pod.labels)
    ]
    if len(covering) > 1:
        raise ApiError(500, "", _TOO_MANY)
    for record, budget in covering:
        if not _is_ready(status) and _lets_the_sick_go(budget):
            return
        _spend(budget, pod.key.name, stamp)
        if not dry_run:
            store.put(record.key, budget)


def _covers(budget: Object, labels: Mapping[str, str]) -> bool:
    """No selector: no pods; an empty one: all of the namespace."""
    selector = (budget.get("spec") or {}).get("selector")
    return selector is not None and selector_of(selector).matches(labels)


def _is_ready(status: Object) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ())


def _lets_the_sick_go(budget: Object) -> bool:
    """A pod that is not ready costs the budget nothing: always, or (by default) while it has enough that are."""
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    always = (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    return always or bool(0 < desired <= status.get("currentHealthy", 0))


def _spend(budget: Object, pod: str, stamp: str) -> None:
    name, status = budget["metadata"]["name"], budget.setdefault("status", {})
    generation = budget["metadata"].get("generation", 0)
    if status.get("observedGeneration", 0) < generation:
        raise _refused(f"The disruption budget {name} is still being processed by the server.", retry_after_s=10)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed <= 0:
        needed, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _refused(f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently")
    status["disruptionsAllowed"] = allowed - 1
    status.setdefault("disruptedPods", {})[pod] = stamp
    if allowed == 1:
        others = [condition for condition in status.get("conditions") or () if condition["type"] != "DisruptionAllowed"]
        status["conditions"] = [*others, {**_NO_ROOM, "observedGeneration": generation, "lastTransitionTime": stamp}]


def _refused(why: str, retry_after_s: int = 0) -> ApiError:
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if not retry_after_s:
        return ApiError(429, "TooManyRequests", _REFUSAL, details)
    details["retryAfterSeconds"] = retry_after_s
    return ApiError(429, "TooManyRequests", _REFUSAL, details, (("Retry-After", str(retry_after_s)),))


def selector_of(selector: Object) -> LabelSelector:
    """A `LabelSelector` of a manifest (`matchLabels`, `matchExpressions`)."""
    found = [Requirement(key, "=", (value,)) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        operator = _OPERATORS[expression["operator"]]
        found.append(Requirement(expression["key"], operator, tuple(expression.get("values") or ())))
    return LabelSelector(tuple(found))
