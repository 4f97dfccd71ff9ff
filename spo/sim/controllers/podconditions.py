"""What controllers write into a pod's status: a condition beside the others, and why a pod has to go."""

from __future__ import annotations

from typing import Any

from spo.model.resource import PODS
from spo.sim.client import Client, Object


def put_condition(client: Client, pod: Object, condition: Object, **status: Any) -> None:
    """Replace the condition of this type, and whatever else is given. Raises ApiError."""
    metadata = pod["metadata"]
    standing = (pod.get("status") or {}).get("conditions") or ()
    others = [each for each in standing if each["type"] != condition["type"]]
    patch = {"metadata": {"uid": metadata["uid"]}, "status": {**status, "conditions": [*others, condition]}}
    client.patch(PODS, metadata["namespace"], metadata["name"], patch, subresource="status")


def disruption(pod: Object, reason: str, message: str, now: str) -> Object:
    """The condition of a pod that has to go through no fault of its own."""
    return {
        "type": "DisruptionTarget",
        "observedGeneration": pod["metadata"].get("generation", 1),
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }
