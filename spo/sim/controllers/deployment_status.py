"""What a Deployment's status says: how many pods, whether enough are available, whether a roll-out goes on. Pure.

Source: pkg/controller/deployment (sync.go, progress.go). Conditions of others are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from spo.sim.controllers.rollout import bounds_of

Object = dict[str, Any]
OURS = ("Available", "Progressing", "ReplicaFailure")
DONE, LATE = "NewReplicaSetAvailable", "ProgressDeadlineExceeded"
NO_DEADLINE = 2**31 - 1


def status_of(deployment: Object, new: Object | None, sets: Sequence[Object], now: str, now_s: float) -> Object:
    """The whole status. `sets`: all ReplicaSets, the new one (if there is one) included."""
    spec, before = deployment["spec"], deployment.get("status") or {}
    counts = counts_of(new, sets)
    standing = {each["type"]: each for each in before.get("conditions") or ()}
    rows = {"Available": _availability(spec, counts), "Progressing": _progress(spec, new, counts, before, now_s)}
    failure = _failure(new, sets)
    if failure is not None:
        rows["ReplicaFailure"] = failure
    moved = _moved(counts, before)
    conditions = [
        _condition(type_, row, standing.get(type_, {}), now, moved and type_ == "Progressing")
        for type_, row in rows.items()
        if row is not None
    ]
    kept = [each for type_, each in standing.items() if type_ not in OURS]
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{field: count for field, count in counts.items() if count},
        "terminatingReplicas": _total(sets, "terminatingReplicas"),
        **({"collisionCount": before["collisionCount"]} if "collisionCount" in before else {}),
        "conditions": [*conditions, *kept],
    }


def counts_of(new: Object | None, sets: Sequence[Object]) -> dict[str, int]:
    wanted = sum(each["spec"].get("replicas", 1) for each in sets)
    available = _total(sets, "availableReplicas")
    return {
        "replicas": _total(sets, "replicas"),
        "updatedReplicas": _total([new] if new else [], "replicas"),
        "readyReplicas": _total(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }


def is_complete(spec: Mapping[str, Any], counts: Mapping[str, int]) -> bool:
    """All pods are new, there are as many as wanted, and they are available (util: DeploymentComplete)."""
    replicas: int = spec.get("replicas", 1)
    return counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == replicas


def looks_late_s(spec: Mapping[str, Any], status: Object, now_s: float) -> float | None:
    """In how many seconds a roll-out that stands still will have missed its deadline."""
    progress = next((each for each in status["conditions"] if each["type"] == "Progressing"), None)
    deadline_s: int = spec.get("progressDeadlineSeconds", NO_DEADLINE)
    if progress is None or progress["reason"] in (DONE, LATE) or deadline_s == NO_DEADLINE or spec.get("paused"):
        return None
    return max(1.0, _seconds(progress["lastUpdateTime"]) + deadline_s - now_s)


def _availability(spec: Mapping[str, Any], counts: Mapping[str, int]) -> tuple[str, str, str]:
    if counts["availableReplicas"] >= spec.get("replicas", 1) - bounds_of(spec).unavailable:
        return "True", "MinimumReplicasAvailable", "Deployment has minimum availability."
    return "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."


def _progress(
    spec: Mapping[str, Any], new: Object | None, counts: Mapping[str, int], before: Object, now_s: float
) -> tuple[str, str, str] | None:
    deadline_s = spec.get("progressDeadlineSeconds", NO_DEADLINE)
    old: Object = next((each for each in before.get("conditions") or () if each["type"] == "Progressing"), {})
    if deadline_s == NO_DEADLINE:
        return None
    if spec.get("paused"):
        return "Unknown", "DeploymentPaused", "Deployment is paused"
    what = f'ReplicaSet "{new["metadata"]["name"]}"' if new is not None else "Deployment"
    if is_complete(spec, counts):
        return "True", DONE, f"{what} has successfully progressed."
    if old.get("reason") == DONE and not _is_rolling(counts):
        return old["status"], DONE, old["message"]  # pods come and go; the roll-out was finished
    if not _moved(counts, before) and old:
        late = old["reason"] == LATE or _seconds(old["lastUpdateTime"]) + deadline_s <= now_s
        if late and old["reason"] != DONE:
            return "False", LATE, f"{what} has timed out progressing."
        if old["reason"] == LATE:
            return old["status"], LATE, old["message"]
    return "True", "ReplicaSetUpdated", f"{what} is progressing."


def _is_rolling(counts: Mapping[str, int]) -> bool:
    return counts["replicas"] != counts["updatedReplicas"]


def _moved(counts: Mapping[str, int], before: Object) -> bool:
    """Nearer to the goal than it was (util: DeploymentProgressing)."""
    old_before = before.get("replicas", 0) - before.get("updatedReplicas", 0)
    return (
        any(counts[field] > before.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas"))
        or counts["replicas"] - counts["updatedReplicas"] < old_before
    )


def _failure(new: Object | None, sets: Sequence[Object]) -> tuple[str, str, str] | None:
    """Why pods cannot be made, if a set says so; the new one first."""
    ranked = [*([new] if new else []), *(each for each in sets if each is not new)]
    for each in ranked:
        for condition in (each.get("status") or {}).get("conditions") or ():
            if condition["type"] == "ReplicaFailure":
                return condition["status"], condition["reason"], condition["message"]
    return None


def _condition(type_: str, row: tuple[str, str, str], old: Object, now: str, touched: bool) -> Object:
    status, reason, message = row
    same = (old.get("status"), old.get("reason")) == (status, reason)
    if same and not touched and old.get("message") == message:
        return old
    turned = old.get("lastTransitionTime", now) if old.get("status") == status else now
    return {
        "type": type_,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": turned,
        "reason": reason,
        "message": message,
    }


def _total(sets: Sequence[Object], field: str) -> int:
    return sum((each.get("status") or {}).get(field, 0) for each in sets)


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()
