"""Deployments: a ReplicaSet for each template; the new one grows as the old ones shrink.

Source: pkg/controller/deployment. How large each set should be is decided in `rollout`, what is said in
`deployment_status`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spo.model.resource import DEPLOYMENTS
from spo.sim.api.verbs.eviction import selector_of
from spo.sim.client import Object
from spo.sim.controllers import deployment_status
from spo.sim.controllers.adoption import Claims, ObjectFacts, ObjectItems, object_facts
from spo.sim.controllers.base import Controller, controller_reference
from spo.sim.controllers.podtemplate import TEMPLATE_HASH, template_hash
from spo.sim.controllers.replicaset import REPLICASETS
from spo.sim.controllers.rollout import SetFacts, bounds_of, recreate, rescale, roll
from spo.sim.shared.context import SharedContext
from spo.sim.store import Change, Record, StoreKey

COMPONENT = "deployment-controller"
PREFIX = "deployment.kubernetes.io/"
REVISION, PAST_REVISIONS = PREFIX + "revision", PREFIX + "revision-history"
DESIRED, CEILING = PREFIX + "desired-replicas", PREFIX + "max-replicas"
NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        PAST_REVISIONS,
        DESIRED,
        CEILING,
        "deprecated.deployment.rollback.to",
    }
)


class Deployments(Controller):
    component = "serviceaccount:kube-system:deployment-controller"
    watches = frozenset({"deployments.apps", "replicasets.apps"})

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._claims: Claims[ObjectFacts] = Claims(context, self.client, DEPLOYMENTS, ObjectItems(context, REPLICASETS))

    def hear(self, change: Change) -> None:
        key = change.key
        if key.resource == "deployments.apps":
            if change.after is None:
                self._claims.forget(key)
            else:
                self.want(key)
            return
        before, after = _facts_of(change.before), _facts_of(change.after)
        for each in self._claims.concerned(before, after):
            self.want(each)

    def work(self, key: StoreKey) -> None:
        deployment = self.context.read(*key)
        if deployment is None:
            return
        owned = self._claims.of(deployment, selector_of(deployment["spec"]["selector"]))
        sets = [found for each in owned if (found := self.context.read(*each.key)) is not None]
        sets.sort(key=lambda each: (revision_of(each), each["metadata"]["creationTimestamp"]))
        new = next((each for each in sets if same_template(each, deployment)), None)
        old = [each for each in sets if each is not new]
        if not deployment["metadata"].get("deletionTimestamp"):
            new = self._move(deployment, new, old)
        self._say(key, deployment, new, old)

    # -- moving ------------------------------------------------------------------------------------------------------

    def _move(self, deployment: Object, new: Object | None, old: list[Object]) -> Object | None:
        """One step towards what is wanted; gives the new set, which may have been made just now."""
        paused = deployment["spec"].get("paused", False)
        if new is not None:
            self._annotate(deployment, new, old)
        if paused or _was_rescaled(deployment, [*old, *([new] if new else [])]):
            self._rescale(deployment, new, old)
            if paused:
                self._clean_up(deployment, old)
            return new
        if deployment["spec"].get("strategy", {}).get("type") == "Recreate":
            return self._recreate(deployment, new, old)
        if new is None:
            new = self._create_set(deployment, old)
        bounds, facts = bounds_of(deployment["spec"]), [_facts(each) for each in old]
        sizes = roll(_facts(new), facts, deployment["spec"].get("replicas", 1), bounds.surge, bounds.unavailable)
        self._resize_all(deployment, [new, *old], sizes)
        self._clean_up_when_complete(deployment, new, old)
        return new

    def _recreate(self, deployment: Object, new: Object | None, old: list[Object]) -> Object | None:
        replicas, facts = deployment["spec"].get("replicas", 1), [_facts(each) for each in old]
        sizes = recreate(_facts(new) if new else None, facts, replicas)
        self._resize_all(deployment, [*([new] if new else []), *old], sizes)
        if any(each.wanted or each.present for each in facts) or self._old_pods(old):
            return new
        if new is None:
            new = self._create_set(deployment, old)
        self._clean_up_when_complete(deployment, new, old)
        return new

    def _old_pods(self, old: list[Object]) -> bool:
        """Is any pod of an old set still there? (recreate.go, oldPodsRunning)"""
        return any(not pod.is_finished for each in old for pod in self.context.pods.of(each["metadata"]["uid"]))

    def _rescale(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        spec, before = deployment["spec"], (deployment.get("status") or {}).get("replicas", 0)
        rolling = (spec.get("strategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
        replicas, bounds = spec.get("replicas", 1), bounds_of(spec)
        facts = [_facts(each) for each in old]
        sizes = rescale(_facts(new) if new else None, facts, replicas, bounds.surge, before, rolling)
        every = [*old, *([new] if new else [])]
        self._resize_all(deployment, every, sizes)
        for each in every:
            if each["spec"].get("replicas", 1) and not _is_marked(each, deployment):
                self._patch(each, {"metadata": {"annotations": _sizes(deployment)}})

    def _resize_all(self, deployment: Object, sets: list[Object], sizes: Mapping[str, int]) -> None:
        for each in sets:
            size, before = sizes.get(each["metadata"]["name"]), each["spec"].get("replicas", 1)
            if size is None or size == before:
                continue
            self._patch(each, {"metadata": {"annotations": _sizes(deployment)}, "spec": {"replicas": size}})
            word = "up" if size > before else "down"
            message = f"Scaled {word} replica set {each['metadata']['name']} from {before} to {size}"
            self.context.recorder.tell(deployment, "ScalingReplicaSet", message, COMPONENT)

    def _patch(self, replica_set: Object, patch: Object) -> None:
        """Change a set; what it is then is what the rest of this pass works with."""
        metadata = replica_set["metadata"]
        fresh = self.client.patch(REPLICASETS, metadata["namespace"], metadata["name"], patch)
        replica_set.clear()
        replica_set.update(fresh)

    # -- sets --------------------------------------------------------------------------------------------------------

    def _create_set(self, deployment: Object, old: list[Object]) -> Object:
        metadata, spec = deployment["metadata"], deployment["spec"]
        of_hash = template_hash(spec["template"])
        template = dict(spec["template"])
        labels = {**((template.get("metadata") or {}).get("labels") or {}), TEMPLATE_HASH: of_hash}
        template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
        match_labels = {**(spec["selector"].get("matchLabels") or {}), TEMPLATE_HASH: of_hash}
        revision = str(max((revision_of(each) for each in old), default=0) + 1)
        room = spec.get("replicas", 1) + bounds_of(spec).surge - sum(each["spec"].get("replicas", 1) for each in old)
        made = self.client.create(
            REPLICASETS,
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{metadata['name']}-{of_hash}",
                    "namespace": metadata["namespace"],
                    "labels": labels,
                    "annotations": {**_copied(metadata), **_sizes(deployment), REVISION: revision},
                    "ownerReferences": [controller_reference("apps/v1", "Deployment", deployment)],
                },
                "spec": {
                    "replicas": max(0, min(room, spec.get("replicas", 1))),
                    **({"minReadySeconds": spec["minReadySeconds"]} if spec.get("minReadySeconds") else {}),
                    "selector": {**spec["selector"], "matchLabels": match_labels},
                    "template": template,
                },
            },
        )
        self._mark(deployment, revision)
        message = f"Scaled up replica set {made['metadata']['name']} from 0 to {made['spec']['replicas']}"
        if made["spec"]["replicas"]:
            self.context.recorder.tell(deployment, "ScalingReplicaSet", message, COMPONENT)
        return made

    def _annotate(self, deployment: Object, new: Object, old: list[Object]) -> None:
        """An old template that is wanted again becomes the newest revision; annotations follow the Deployment's."""
        standing = new["metadata"].get("annotations") or {}
        wanted = _copied(deployment["metadata"])
        newest = max((revision_of(each) for each in old), default=0)
        if revision_of(new) <= newest:
            past = [standing[PAST_REVISIONS]] if PAST_REVISIONS in standing else []
            if REVISION in standing:
                wanted[PAST_REVISIONS] = ",".join([*past, standing[REVISION]])
            wanted[REVISION] = str(newest + 1)
        patch: Object = {}
        if not wanted.items() <= standing.items():
            patch["metadata"] = {"annotations": wanted}
        min_ready_s = deployment["spec"].get("minReadySeconds", 0)
        if new["spec"].get("minReadySeconds", 0) != min_ready_s:
            patch["spec"] = {"minReadySeconds": min_ready_s}
        if patch:
            self._patch(new, patch)
        self._mark(deployment, new["metadata"]["annotations"][REVISION])

    def _mark(self, deployment: Object, revision: str) -> None:
        metadata = deployment["metadata"]
        if (metadata.get("annotations") or {}).get(REVISION) != revision:
            patch = {"metadata": {"annotations": {REVISION: revision}}}
            fresh = self.client.patch(DEPLOYMENTS, metadata["namespace"], metadata["name"], patch)
            deployment["metadata"] = fresh["metadata"]

    def _clean_up_when_complete(self, deployment: Object, new: Object, old: list[Object]) -> None:
        if deployment_status.is_complete(deployment["spec"], deployment_status.counts_of(new, [new, *old])):
            self._clean_up(deployment, old)

    def _clean_up(self, deployment: Object, old: list[Object]) -> None:
        """Delete the oldest sets beyond `revisionHistoryLimit` that have no pods."""
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        for each in old[: max(0, len(old) - limit)]:
            status, metadata = each.get("status") or {}, each["metadata"]
            idle = not status.get("replicas") and not each["spec"].get("replicas", 1)
            seen = metadata.get("generation", 1) <= status.get("observedGeneration", 0)
            if idle and seen and not metadata.get("deletionTimestamp"):
                self.client.delete(REPLICASETS, metadata["namespace"], metadata["name"], uid=metadata["uid"])

    # -- saying ------------------------------------------------------------------------------------------------------

    def _say(self, key: StoreKey, deployment: Object, new: Object | None, old: list[Object]) -> None:
        timeline = self.context.timeline
        sets = [*old, *([new] if new else [])]
        status = deployment_status.status_of(deployment, new, sets, timeline.stamp(), timeline.now)
        again_s = deployment_status.looks_late_s(deployment["spec"], status, timeline.now)
        if again_s is not None:
            self.want(key, again_s, idle=True)
        if deployment.get("status") != status:
            self.client.update(DEPLOYMENTS, {**deployment, "status": status}, "status")


def revision_of(obj: Object) -> int:
    """The number of a set's template; 0: none yet, or none that can be read."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def same_template(replica_set: Object, deployment: Object) -> bool:
    """Equal but for the hash label (deployment util: EqualIgnoreHash)."""
    of_set = replica_set["spec"]["template"]
    metadata = dict(of_set.get("metadata") or {})
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != TEMPLATE_HASH}
    wanted = deployment["spec"]["template"]
    wanted_metadata = {**(wanted.get("metadata") or {})}
    wanted_metadata["labels"] = wanted_metadata.get("labels") or {}
    return bool(of_set["spec"] == wanted["spec"] and metadata == wanted_metadata)


def _facts_of(record: Record | None) -> ObjectFacts | None:
    return object_facts(record) if record is not None else None


def _facts(replica_set: Object) -> SetFacts:
    status = replica_set.get("status") or {}
    ceiling = (replica_set["metadata"].get("annotations") or {}).get(CEILING, "0")
    return SetFacts(
        replica_set["metadata"]["name"],
        replica_set["spec"].get("replicas", 1),
        status.get("replicas", 0),
        status.get("availableReplicas", 0),
        int(ceiling) if ceiling.isdigit() else 0,
    )


def _copied(metadata: Mapping[str, Any]) -> Object:
    return {name: value for name, value in (metadata.get("annotations") or {}).items() if name not in NOT_COPIED}


def _sizes(deployment: Object) -> Object:
    replicas = deployment["spec"].get("replicas", 1)
    return {DESIRED: str(replicas), CEILING: str(replicas + bounds_of(deployment["spec"]).surge)}


def _is_marked(replica_set: Object, deployment: Object) -> bool:
    return _sizes(deployment).items() <= (replica_set["metadata"].get("annotations") or {}).items()


def _was_rescaled(deployment: Object, sets: list[Object]) -> bool:
    """Do sets with pods remember another `replicas`? (sync.go, isScalingEvent)"""
    wanted = str(deployment["spec"].get("replicas", 1))
    active = [each for each in sets if each["spec"].get("replicas", 1)]
    return any((each["metadata"].get("annotations") or {}).get(DESIRED, wanted) != wanted for each in active)
