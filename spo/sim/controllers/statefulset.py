"""StatefulSets: numbered pods that come up and go down in order. Source: pkg/controller/statefulset.

Claims of volumes are made and stay (`persistentVolumeClaimRetentionPolicy` is always Retain); nothing binds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from spo.model.resource import Resource
from spo.sim.api.verbs.eviction import selector_of
from spo.sim.client import Object
from spo.sim.controllers.adoption import Claims, PodItems
from spo.sim.controllers.availability import Availability
from spo.sim.controllers.base import Controller, controller_reference
from spo.sim.controllers.history import STORAGE as REVISIONS
from spo.sim.controllers.history import History, Revision
from spo.sim.controllers.podtemplate import REVISION_HASH, pod_of
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey

STATEFULSETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
COMPONENT = "statefulset-controller"
POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
_NUMBERED = re.compile(r"(.*)-(\d+)\Z")


class Step(Struct, frozen=True):
    """One thing to do to the pod of an ordinal."""

    what: Literal["create", "delete"]
    ordinal: int


class Plan(Struct, frozen=True):
    """What a set wants of its pods."""

    ordinals: range
    ordered: bool  # OrderedReady: one at a time; else Parallel
    partition: int | None  # pods from this ordinal on get the new template; None: OnDelete
    revision: str  # of new pods, by name


def ordinal_of(pod: PodFacts, name: str) -> int | None:
    found = _NUMBERED.match(pod.key.name)
    return int(found[2]) if found and found[1] == name else None


def decide(plan: Plan, pods: Mapping[int, PodFacts], available: frozenset[StoreKey]) -> list[Step]:
    """What to do now; each step changes the world, after which it is decided again (stateful_set_control.go)."""
    steps: list[Step] = []
    for ordinal in plan.ordinals:
        pod = pods.get(ordinal)
        if pod is None:
            steps.append(Step("create", ordinal))
        elif pod.is_finished and not pod.deleting:
            steps.append(Step("delete", ordinal))
        well = pod is not None and pod.key in available and not pod.deleting
        if plan.ordered and not well:
            return steps
    condemned = sorted((ordinal for ordinal in pods if ordinal not in plan.ordinals), reverse=True)
    for ordinal in condemned:
        if not pods[ordinal].deleting:
            steps.append(Step("delete", ordinal))
        if plan.ordered:
            return steps
    return steps or _update(plan, pods, available)


def _update(plan: Plan, pods: Mapping[int, PodFacts], available: frozenset[StoreKey]) -> list[Step]:
    """Old pods are replaced one after the other, the last one first."""
    if plan.partition is None:
        return []
    for ordinal in reversed(plan.ordinals):
        if ordinal < plan.partition:
            return []
        pod = pods[ordinal]
        if pod.labels.get(REVISION_HASH) != plan.revision and not pod.deleting:
            return [Step("delete", ordinal)]
        if pod.key not in available or pod.deleting:
            return []
    return []


class StatefulSets(Controller):
    component = "serviceaccount:kube-system:statefulset-controller"
    watches = frozenset({"statefulsets.apps", REVISIONS, "pods"})

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._claims: Claims[PodFacts] = Claims(context, self.client, STATEFULSETS, PodItems(context))
        self._history = History(context, self.client, STATEFULSETS)
        self._availability = Availability(context)

    def hear(self, change: Change) -> None:
        if change.key.resource == REVISIONS:
            key = self._claims.key_of(self._history.hear(change))
            if key is not None:
                self.want(key)
        elif change.after is None:
            self._history.forget(self._claims.forget(change.key))
        else:
            self.want(change.key)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        for key in self._claims.concerned(old, new):
            self.want(key)

    def work(self, key: StoreKey) -> None:
        wanted = self.context.read(*key)
        if wanted is None or wanted["metadata"].get("deletionTimestamp"):
            return
        self._claims.of(wanted, selector_of(wanted["spec"]["selector"]))
        revisions = self._history.of(wanted)
        update = revisions[-1]
        by_name = {each.name: each for each in revisions}
        current = by_name.get((wanted.get("status") or {}).get("currentRevision", ""), update)
        pods = self._numbered(wanted)
        for step in decide(_plan(wanted["spec"], update.name), pods, self._available(key, wanted["spec"], pods)):
            if step.what == "create":
                self._create(wanted, step.ordinal, _template_for(wanted["spec"], step.ordinal, current, update))
            else:
                self._delete(wanted, pods[step.ordinal])
        self._say(key, wanted, current, update)
        live = {pod.labels.get(REVISION_HASH, "") for pod in pods.values()} | {current.name}
        self._history.truncate(wanted, live)

    def _numbered(self, wanted: Object) -> dict[int, PodFacts]:
        name = wanted["metadata"]["name"]
        numbered = ((ordinal_of(pod, name), pod) for pod in self.context.pods.of(wanted["metadata"]["uid"]))
        return {ordinal: pod for ordinal, pod in numbered if ordinal is not None}

    def _available(self, key: StoreKey, spec: Mapping[str, Any], pods: Mapping[int, PodFacts]) -> frozenset[StoreKey]:
        running = [pod for pod in pods.values() if pod.phase == "Running"]
        available, again_s = self._availability.of(running, spec.get("minReadySeconds", 0))
        if again_s is not None:
            self.want(key, again_s)
        return frozenset(pod.key for pod in available)

    def _create(self, wanted: Object, ordinal: int, revision: Revision) -> None:
        metadata, spec = wanted["metadata"], wanted["spec"]
        name = f"{metadata['name']}-{ordinal}"
        labels = {REVISION_HASH: revision.name, POD_NAME: name, POD_INDEX: str(ordinal)}
        reference = controller_reference("apps/v1", "StatefulSet", wanted)
        pod = pod_of(revision.template, metadata["namespace"], reference, labels)
        del pod["metadata"]["generateName"]
        pod["metadata"]["name"] = name
        pod["spec"] |= {"hostname": name} | ({"subdomain": spec["serviceName"]} if spec.get("serviceName") else {})
        for template in spec.get("volumeClaimTemplates") or ():
            self._claim_volume(wanted, pod, template)
        self.create_pod(wanted, pod, COMPONENT)

    def _claim_volume(self, wanted: Object, pod: Object, template: Mapping[str, Any]) -> None:
        """The pod's own claim, made once and found again whenever the pod is made anew."""
        volume = template["metadata"]["name"]
        namespace, name = pod["metadata"]["namespace"], f"{volume}-{pod['metadata']['name']}"
        others = [each for each in pod["spec"].get("volumes") or () if each["name"] != volume]
        source = {"name": volume, "persistentVolumeClaim": {"claimName": name}}
        pod["spec"]["volumes"] = [*others, source]
        if self.context.read("persistentvolumeclaims", namespace, name) is not None:
            return
        labels = {**(template["metadata"].get("labels") or {}), **(wanted["spec"]["selector"].get("matchLabels") or {})}
        claim = {"apiVersion": "v1", "kind": CLAIMS.kind, "spec": template["spec"]}
        self.client.create(CLAIMS, {**claim, "metadata": {"name": name, "namespace": namespace, "labels": labels}})

    def _delete(self, wanted: Object, pod: PodFacts) -> None:
        if pod.is_finished:
            text = f"StatefulSet {pod.key.namespace}/{wanted['metadata']['name']} is recreating failed Pod "
            reason = "RecreatingFailedPod" if pod.phase == "Failed" else "RecreatingTerminatedPod"
            self.context.recorder.tell(wanted, reason, text + pod.key.name, COMPONENT, warning=pod.phase == "Failed")
        self.delete_pod(wanted, pod, COMPONENT)

    def _say(self, key: StoreKey, wanted: Object, current: Revision, update: Revision) -> None:
        before = wanted.get("status") or {}
        pods = self._numbered(wanted)
        status = status_of(wanted, list(pods.values()), self._available(key, wanted["spec"], pods), current, update)
        status |= {"conditions": before["conditions"]} if "conditions" in before else {}
        if before != status:
            self.client.update(STATEFULSETS, {**wanted, "status": status}, "status")


def status_of(
    wanted: Object, pods: Sequence[PodFacts], available: frozenset[StoreKey], current: Revision, update: Revision
) -> Object:
    """The whole status. When all pods are of the new revision and well, it is the current one."""
    live = [pod for pod in pods if not pod.deleting]
    ready = sum(pod.ready and pod.phase == "Running" for pod in pods)
    updated = sum(pod.labels.get(REVISION_HASH) == update.name for pod in live)
    of_current = sum(pod.labels.get(REVISION_HASH) == current.name for pod in live)
    rolling = (wanted["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    if rolling and updated == len(pods) == ready == wanted["spec"].get("replicas", 1):
        current, of_current = update, updated
    counts = {"readyReplicas": ready, "currentReplicas": of_current, "updatedReplicas": updated}
    return {
        "observedGeneration": wanted["metadata"].get("generation", 1),
        "replicas": len(pods),
        **{name: count for name, count in counts.items() if count},
        "currentRevision": current.name,
        "updateRevision": update.name,
        "collisionCount": 0,
        "availableReplicas": sum(pod.key in available for pod in pods),
    }


def _plan(spec: Mapping[str, Any], revision: str) -> Plan:
    start = (spec.get("ordinals") or {}).get("start", 0)
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0) if rolling else None
    ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    ordinals = range(start, start + spec.get("replicas", 1))
    return Plan(ordinals, ordered, None if partition is None else start + partition, revision)


def _template_for(spec: Mapping[str, Any], ordinal: int, current: Revision, update: Revision) -> Revision:
    """Below the partition a pod that is made again is what it was."""
    partition = _plan(spec, "").partition
    return current if partition is not None and ordinal < partition else update
