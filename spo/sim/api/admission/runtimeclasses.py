"""What a pod's RuntimeClass adds to it: overhead, node selector, tolerations (admission plug-in RuntimeClass)."""

from __future__ import annotations

from typing import Any

from spo.sim.api.kinds import clone
from spo.sim.api.status import ApiError, forbidden
from spo.sim.store import Store, StoreKey

Object = dict[str, Any]

CLASSES = "runtimeclasses.node.k8s.io"


def fill_in(store: Store, pod: Object) -> None:
    """Raises ApiError 403 for a class that is not there, or that contradicts the pod."""
    spec = pod.get("spec") or {}
    name = spec.get("runtimeClassName")
    if not name:
        if spec.get("overhead"):
            raise _rejected(pod, "Pod Overhead set without corresponding RuntimeClass defined Overhead")
        return
    record = store.get(StoreKey(CLASSES, "", name))
    if record is None:
        raise _rejected(pod, f'RuntimeClass "{name}" not found')
    found = record.object()
    overhead = (found.get("overhead") or {}).get("podFixed")
    if spec.get("overhead") not in (None, {}, overhead):
        raise _rejected(pod, "Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if overhead:
        spec["overhead"] = clone(overhead)
    _schedule(pod, found.get("scheduling") or {})


def _schedule(pod: Object, scheduling: Object) -> None:
    spec, selector = pod["spec"], scheduling.get("nodeSelector") or {}
    standing = spec.get("nodeSelector") or {}
    for key, value in selector.items():
        if standing.get(key, value) != value:
            raise _rejected(pod, "conflict: runtimeClass.scheduling.nodeSelector and pod.spec.nodeSelector")
    if selector:
        spec["nodeSelector"] = {**standing, **selector}
    added = [each for each in scheduling.get("tolerations") or () if each not in (spec.get("tolerations") or ())]
    if added:
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *clone(added)]


def _rejected(pod: Object, why: str) -> ApiError:
    metadata = pod["metadata"]
    name = metadata.get("name") or metadata.get("generateName", "")
    return forbidden("pods", "", name, f"pod rejected: {why}")
