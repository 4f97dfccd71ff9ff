"""Workloads of the input: what makes pods, and which profiles those need. Templates tell, with or without pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from spo.input.load import Loaded
from spo.model.builtin import PodUse
from spo.model.manifest import from_manifest
from spo.model.resource import PODS
from spo.model.seccomp import file_from_localhost

# Where each keeps the template of its pods.
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


class Workload(Struct, frozen=True, order=True):
    """What cannot start a pod without its profiles' files (`files`, as the daemons know them)."""

    namespace: str
    kind: str
    name: str
    files: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def workloads(items: Iterable[Loaded]) -> list[Workload]:
    """Those of the input that use profiles, once each: who is owned by another of them is not told beside its owner,
    nor is a pod. Pods that nobody of the input owns are told by themselves. Raises ValidationError.
    """
    items = list(items)
    makers = {item.object["metadata"].get("uid"): item for item in items if item.kind in TEMPLATES}
    found = []
    for item in items:
        template = _template(item)
        if template is None or _is_done(item) or any(uid in makers for uid in _owners(item)):
            continue
        use = from_manifest(template, PodUse)
        files = frozenset(file for each in use.localhost_profiles if (file := file_from_localhost(each)))
        if files:
            found.append(Workload(item.namespace or "default", item.kind, item.name, files))
    return sorted(set(found))


def _template(item: Loaded) -> dict[str, Any] | None:
    """A manifest of a pod as it would make it; a pod's own."""
    if item.kind == PODS.kind:
        return item.object
    path = TEMPLATES.get(item.kind)
    if path is None:
        return None
    value: Any = item.object
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    spec = value.get("spec") if isinstance(value, dict) else None
    return {"metadata": {"name": item.name}, "spec": spec} if isinstance(spec, dict) else None


def _owners(item: Loaded) -> list[str]:
    return [str(owner.get("uid")) for owner in item.object["metadata"].get("ownerReferences") or ()]


def _is_done(item: Loaded) -> bool:
    """It starts no pod any more."""
    status = item.object.get("status")
    status = status if isinstance(status, dict) else {}
    return bool(status.get("completionTime")) or status.get("phase") in ("Succeeded", "Failed")
