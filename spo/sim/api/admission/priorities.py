"""A pod's priority, from its class (admission plug-in Priority)."""

from __future__ import annotations

from typing import Any

from spo.sim.api.builtin.podspec import SYSTEM_PRIORITIES
from spo.sim.api.status import forbidden
from spo.sim.store import Store, StoreKey

Object = dict[str, Any]

PREEMPTS = "PreemptLowerPriority"
CLASSES = "priorityclasses.scheduling.k8s.io"


def fill_in(store: Store, pod: Object) -> None:
    """The class's value and policy; of a pod that names none, those of the class that is everyone's.

    Classes of the system are there from the start. Raises ApiError 403.
    """
    spec = pod.setdefault("spec", {})
    name = spec.get("priorityClassName")
    found = _named(store, name) if name else _everyones(store)
    if found is None:
        if name:
            # The name is generated later: the message has what the client sent.
            sent = pod["metadata"].get("generateName") or pod["metadata"].get("name", "")
            raise forbidden("pods", "", sent, f"no PriorityClass with name {name} was found")
        return
    spec["priorityClassName"] = found["metadata"]["name"]
    _set(pod, "priority", found.get("value", 0), 0, "integer value of priority")
    policy = found.get("preemptionPolicy") or PREEMPTS
    _set(pod, "preemptionPolicy", policy, PREEMPTS, "string value of PreemptionPolicy")


def _set(pod: Object, field: str, value: Any, unset: Any, what: str) -> None:
    """A pod that says it itself may not say otherwise; what stands there by default was not said."""
    spec = pod["spec"]
    if spec.get(field, unset) not in (unset, value):
        sent = pod["metadata"].get("name") or pod["metadata"].get("generateName", "")
        why = f"the {what} ({spec[field]}) must not be provided in pod spec; priority admission controller computed "
        raise forbidden("pods", "", sent, f"{why}{value} from the given PriorityClass name")
    spec[field] = value


def _named(store: Store, name: str) -> Object | None:
    record = store.get(StoreKey(CLASSES, "", name))
    if record is None and name in SYSTEM_PRIORITIES:
        return {"metadata": {"name": name}, "value": SYSTEM_PRIORITIES[name]}
    return record.object() if record is not None else None


def _everyones(store: Store) -> Object | None:
    """The least of those marked `globalDefault`."""
    marked = [each for record in store.scan(CLASSES) if (each := record.object()).get("globalDefault")]
    return min(marked, key=lambda each: each.get("value", 0), default=None)
