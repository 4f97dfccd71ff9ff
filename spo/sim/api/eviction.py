"""Disruption budgets, as an eviction sees them (policy/v1)."""

from __future__ import annotations

from typing import Any

from spo.sim.api.selectors import LabelSelector, Requirement
from spo.sim.api.status import ApiError
from spo.sim.store import Record, Store

Object = dict[str, Any]

BUDGETS = "poddisruptionbudgets.policy"
_REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."
_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_NO_ROOM = {"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods", "message": ""}


def check_budgets(store: Store, pod: Record, stamp: str, dry_run: bool) -> None:
    """Take the eviction off the budget that covers the pod. Raises ApiError 429 if it is spent."""
    phase = (pod.object().get("status") or {}).get("phase", "")
    if phase in ("Pending", "Succeeded", "Failed") or b'"deletionTimestamp"' in pod.body:
        return
    for record in store.scan(BUDGETS, pod.key.namespace):
        budget = record.object()
        if not selector_of((budget.get("spec") or {}).get("selector") or {}).matches(pod.labels):
            continue
        _spend(budget, pod.key.name, stamp)
        if not dry_run:
            store.put(record.key, budget)


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
