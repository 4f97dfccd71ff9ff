"""Namespaces on their way out: pods go first, then everything else, then the namespace.

Source: pkg/controller/namespace/deletion (ordered deletion); texts recorded, Kubernetes 1.36.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from spo.model.resource import NAMESPACES
from spo.sim.client import Object
from spo.sim.controllers.base import Controller
from spo.sim.shared.context import SharedContext
from spo.sim.store import Change, Record, StoreKey

FINALIZER_WAIT_S = 8.0  # half of what deleting with finalizers is thought to take (15 s), plus one

Remaining = dict[str, list[Record]]


class Namespaces(Controller):
    component = "serviceaccount:kube-system:namespace-controller"
    watches = frozenset({"namespaces"})
    delay_s = 0.1

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._seen: dict[StoreKey, tuple[int, ...]] = {}  # what was left at the last pass, by revision

    def hear(self, change: Change) -> None:
        if change.after is None:
            self._seen.pop(change.key, None)
        elif b'"deletionTimestamp"' in change.after.body and change.key not in self._seen:
            self.want(change.key)

    def work(self, key: StoreKey) -> None:
        namespace = self.context.read(*key)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return
        self._delete(key.name, {"pods": list(self.context.store.scan("pods", key.name))})
        pods = list(self.context.store.scan("pods", key.name))
        if pods:
            wait_s = max(_grace_s(pod) for pod in pods) / 2 + 1
            again = key in self._seen
            self._go_on(key, namespace, conditions({}, pods_remain=key.name if again else ""), pods, wait_s)
            return
        self._delete(key.name, self._content(key.name))
        left = self._content(key.name)
        if left:
            records = [record for each in left.values() for record in each]
            self._go_on(key, namespace, conditions(left), records, FINALIZER_WAIT_S)
            return
        namespace = self._say(namespace, conditions({}))
        spec = {**namespace["spec"], "finalizers": [f for f in namespace["spec"]["finalizers"] if f != "kubernetes"]}
        self.client.update(NAMESPACES, {**namespace, "spec": spec}, "finalize")

    def _content(self, namespace: str) -> Remaining:
        """What is in it: kinds of API groups before the core group, each in order of name."""
        store = self.context.store
        found = {name: list(store.scan(name, namespace)) for name in store.resources()}
        order = sorted((name for name in found if found[name]), key=lambda name: ("." not in name, name))
        return {name: found[name] for name in order}

    def _delete(self, namespace: str, content: Remaining) -> None:
        for records in content.values():
            if not records:
                continue
            first = records[0].object()
            resource = self.context.resource(first["apiVersion"], first["kind"])
            if resource is not None and any(b'"deletionTimestamp"' not in record.body for record in records):
                self.client.delete_all(resource, namespace)

    def _go_on(self, key: StoreKey, namespace: Object, wanted: list[Object], left: list[Record], wait_s: float) -> None:
        """Say what is left and look again; where nothing moved since the last look, waiting is all there is."""
        standing = tuple(record.revision for record in left)
        stuck = self._seen.get(key) == standing
        self._seen[key] = standing
        self._say(namespace, wanted)
        self.want(key, wait_s, idle=stuck)

    def _say(self, namespace: Object, wanted: list[Object]) -> Object:
        before = {each["type"]: each for each in (namespace["status"].get("conditions") or ())}
        now = self.context.timeline.stamp()
        for each in wanted:
            old = before.get(each["type"], {})
            same = old.get("status") == each["status"]
            each["lastTransitionTime"] = old["lastTransitionTime"] if same else now
        if list(before.values()) == wanted:
            return namespace
        status = {**namespace["status"], "conditions": wanted}
        return self.client.update(NAMESPACES, {**namespace, "status": status}, "status")


def conditions(left: Mapping[str, list[Record]], *, pods_remain: str = "") -> list[Object]:
    """The five conditions of a namespace that is being deleted, without times; `left`: what is left, by resource.
    `pods_remain`: the namespace, if pods that were deleted a while ago are still there.
    """
    failure = ("False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization")
    if pods_remain:
        text = f"unexpected items still remain in namespace: {pods_remain} for gvr: /v1, Resource=pods"
        failure = ("True", "ContentDeletionFailed", f"Failed to delete all resource types, 1 remaining: {text}")
    remaining = ("False", "ContentRemoved", "All content successfully removed")
    finalizers = ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished")
    if left:
        parts = [f"{_dotted(name)} has {len(records)} resource instances" for name, records in sorted(left.items())]
        remaining = ("True", "SomeResourcesRemain", "Some resources are remaining: " + ", ".join(parts))
    counts = Counter(each for records in left.values() for record in records for each in _finalizers(record))
    if counts:
        parts = [f"{name} in {count} resource instances" for name, count in sorted(counts.items())]
        text = "Some content in the namespace has finalizers remaining: " + ", ".join(parts)
        finalizers = ("True", "SomeFinalizersRemain", text)
    rows = (
        ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        ("NamespaceDeletionContentFailure", *failure),
        ("NamespaceContentRemaining", *remaining),
        ("NamespaceFinalizersRemaining", *finalizers),
    )
    order = ("type", "status", "reason", "message")
    return [dict(zip(order, row, strict=True)) for row in rows]


def _dotted(resource: str) -> str:
    return resource if "." in resource else resource + "."


def _finalizers(record: Record) -> list[str]:
    finalizers: list[str] = record.object()["metadata"].get("finalizers") or []
    return finalizers


def _grace_s(pod: Record) -> int:
    metadata: dict[str, Any] = pod.object()["metadata"]
    return int(metadata.get("deletionGracePeriodSeconds") or 0)
