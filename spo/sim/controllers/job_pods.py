"""The pods of a Job: how they are made, what they say of their index, and when they count as ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spo.sim.client import Object
from spo.sim.controllers.base import controller_reference
from spo.sim.controllers.podtemplate import pod_of
from spo.sim.shared.index import PodFacts

FINALIZER = "batch.kubernetes.io/job-tracking"  # a pod stays until its end was counted
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


def is_indexed(spec: Mapping[str, Any]) -> bool:
    return spec.get("completionMode") == "Indexed"


def index_of(labels: Mapping[str, str], completions: int) -> int | None:
    """The pod's completion index, if it has one that counts."""
    text = labels.get(INDEX, "")
    return int(text) if text.isdigit() and int(text) < completions else None


def replaces_failed_only(spec: Mapping[str, Any]) -> bool:
    return spec.get("podReplacementPolicy") == "Failed"


def has_succeeded(pod: PodFacts) -> bool:
    return pod.phase == "Succeeded"


def has_failed(pod: PodFacts, spec: Mapping[str, Any]) -> bool:
    """Failed, or on its way out without having succeeded (job_controller.go, isPodFailed)."""
    if pod.phase == "Failed" or not pod.deleting:
        return pod.phase == "Failed"
    return pod.phase == "Pending" if replaces_failed_only(spec) else pod.phase != "Succeeded"


def make(job: Object, index: int | None, failures: int) -> Object:
    """A pod to create. `index`: of an Indexed job; `failures`: of that index so far, where each has a limit."""
    metadata = job["metadata"]
    reference = controller_reference("batch/v1", "Job", job)
    pod = pod_of(job["spec"]["template"], metadata["namespace"], reference, {})
    pod["metadata"]["finalizers"] = [*pod["metadata"].get("finalizers", ()), FINALIZER]
    if index is not None:
        _number(pod, metadata["name"], index)
    if job["spec"].get("backoffLimitPerIndex") is not None:
        pod["metadata"]["annotations"][FAILURES] = str(failures)
    return pod


def _number(pod: Object, name: str, index: int) -> None:
    metadata, spec = pod["metadata"], pod["spec"]
    suffix = f"-{index}-"
    metadata["generateName"] = name[: 63 - 5 - len(suffix)] + suffix
    metadata["labels"][INDEX] = str(index)
    metadata["annotations"] = {**metadata.get("annotations", {}), INDEX: str(index)}
    spec.setdefault("hostname", f"{name}-{index}")
    variable = {"name": INDEX_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}}
    for field in ("initContainers", "containers"):
        if field in spec:
            spec[field] = [_with(container, variable) for container in spec[field]]


def _with(container: Object, variable: Object) -> Object:
    known = container.get("env") or []
    if any(each.get("name") == variable["name"] for each in known):
        return container
    return {**container, "env": [*known, variable]}
