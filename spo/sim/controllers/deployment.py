"""Deployments: a ReplicaSet for each template; the new one grows as the old ones shrink.

Not simulated: pausing, rolling back, `progressDeadlineSeconds`, `minReadySeconds`, proportional scaling of old sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from spo.model.resource import Resource
from spo.sim.client import Object
from spo.sim.controllers.base import Controller, Uids, World, controller_of, controller_reference
from spo.sim.controllers.podtemplate import TEMPLATE_HASH, share, template_hash
from spo.sim.controllers.replicaset import REPLICASETS
from spo.sim.store import Change, StoreKey

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
COMPONENT = "deployment-controller"
REVISION = "deployment.kubernetes.io/revision"


class SetFacts(Struct, frozen=True):
    """One ReplicaSet as a roll-out sees it."""

    name: str
    wanted: int
    present: int
    available: int


def roll(new: SetFacts, old: Sequence[SetFacts], replicas: int, surge: int, unavailable: int) -> dict[str, int]:
    """The next sizes, by name of ReplicaSet; empty when nothing is to change now.

    The new one grows as far as the surge allows. The old ones shrink by what is not available anyway, then by what the
    available pods above the minimum allow (deployment/rolling.go).
    """
    sizes: dict[str, int] = {}
    if new.wanted > replicas:
        sizes[new.name] = replicas
    elif new.wanted < replicas:
        room = replicas + surge - new.wanted - sum(each.wanted for each in old)
        if room > 0:
            sizes[new.name] = min(replicas, new.wanted + room)
    wanted_new = sizes.get(new.name, new.wanted)
    total = wanted_new + sum(each.wanted for each in old)
    can_go = total - (replicas - unavailable) - (wanted_new - new.available)
    for sick_first in (True, False):
        for each in old:
            left = sizes.get(each.name, each.wanted)
            dispensable = max(0, each.wanted - each.available) if sick_first else left
            going = min(dispensable, left, max(0, can_go))
            if going:
                sizes[each.name] = left - going
                can_go -= going
    return sizes


def recreate(new: SetFacts, old: Sequence[SetFacts], replicas: int) -> dict[str, int]:
    """Old pods go first; when they are gone, the new ones come."""
    shrinking = {each.name: 0 for each in old if each.wanted}
    if shrinking or any(each.present for each in old):
        return shrinking
    return {new.name: replicas} if new.wanted != replicas else {}


class Deployments(Controller):
    component = "serviceaccount:kube-system:deployment-controller"
    watches = frozenset({"deployments.apps", "replicasets.apps"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._keys = Uids()

    def hear(self, change: Change) -> None:
        key = change.key
        if key.resource == "deployments.apps":
            if change.after is None:
                self._keys.drop(key)
            else:
                self.want(key)
            return
        record = change.after or change.deleted
        owner = controller_of(record.object()) if record is not None else None
        deployment = self._keys.key_of(owner["uid"]) if owner else None
        if deployment is not None:
            self.want(deployment)

    def work(self, key: StoreKey) -> None:
        deployment = self.world.read(*key)
        if deployment is None:
            return
        self._keys.add(key, deployment["metadata"]["uid"])
        if deployment["metadata"].get("deletionTimestamp"):
            return
        sets = self._sets_of(deployment)
        new = next((each for each in sets if _same_template(each, deployment)), None)
        if new is None:
            new = self._create_set(deployment, len(sets))
            sets.append(new)
        self._mark_revision(deployment, new, sets)
        self._scale(deployment, new, [each for each in sets if each is not new])
        self._say(deployment, new, sets)

    def _sets_of(self, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        keys = [key for key in self.world.owners.of(uid) if key.resource == "replicasets.apps"]
        found = [self.world.read(*key) for key in sorted(keys)]
        owned = [each for each in found if each is not None and (controller_of(each) or {}).get("uid") == uid]
        return sorted(owned, key=lambda each: _revision(each))

    def _create_set(self, deployment: Object, others: int) -> Object:
        metadata, spec = deployment["metadata"], deployment["spec"]
        of_hash = template_hash(spec["template"])
        template = dict(spec["template"])
        labels = {**(template.get("metadata") or {}).get("labels", {}), TEMPLATE_HASH: of_hash}
        template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
        match_labels = {**(spec["selector"].get("matchLabels") or {}), TEMPLATE_HASH: of_hash}
        replicas = spec.get("replicas", 1)
        return self.client.create(
            REPLICASETS,
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{metadata['name']}-{of_hash}",
                    "namespace": metadata["namespace"],
                    "labels": labels,
                    "annotations": {
                        "deployment.kubernetes.io/desired-replicas": str(replicas),
                        REVISION: str(int((metadata.get("annotations") or {}).get(REVISION, others)) + 1),
                    },
                    "ownerReferences": [controller_reference("apps/v1", "Deployment", deployment)],
                },
                "spec": {
                    "replicas": 0 if others else replicas,
                    "selector": {**spec["selector"], "matchLabels": match_labels},
                    "template": template,
                },
            },
        )

    def _mark_revision(self, deployment: Object, new: Object, sets: list[Object]) -> None:
        newest = max(_revision(each) for each in sets)
        namespace = new["metadata"]["namespace"]
        if _revision(new) < newest:  # an old template is wanted again: it becomes the newest revision
            patch = {"metadata": {"annotations": {REVISION: str(newest + 1)}}}
            new["metadata"] = self.client.patch(REPLICASETS, namespace, new["metadata"]["name"], patch)["metadata"]
        marked = str(_revision(new))
        if (deployment["metadata"].get("annotations") or {}).get(REVISION) != marked:
            patch = {"metadata": {"annotations": {REVISION: marked}}}
            fresh = self.client.patch(DEPLOYMENTS, namespace, deployment["metadata"]["name"], patch)
            deployment["metadata"] = fresh["metadata"]

    def _scale(self, deployment: Object, new: Object, old: list[Object]) -> None:
        spec = deployment["spec"]
        replicas = spec.get("replicas", 1)
        strategy = spec.get("strategy") or {}
        facts = [_facts(each) for each in old]
        if strategy.get("type") == "Recreate":
            sizes = recreate(_facts(new), facts, replicas)
        else:
            rolling = strategy.get("rollingUpdate") or {}
            surge = share(rolling.get("maxSurge"), replicas, up=True, default=1)
            unavailable = share(rolling.get("maxUnavailable"), replicas, up=False, default=0)
            if not surge and not unavailable:
                unavailable = 1
            sizes = roll(_facts(new), facts, replicas, surge, unavailable)
        for replica_set in (new, *old):
            size = sizes.get(replica_set["metadata"]["name"])
            if size is not None:
                self._resize(deployment, replica_set, size)

    def _resize(self, deployment: Object, replica_set: Object, size: int) -> None:
        metadata, before = replica_set["metadata"], replica_set["spec"].get("replicas", 1)
        self.client.patch(REPLICASETS, metadata["namespace"], metadata["name"], {"spec": {"replicas": size}})
        replica_set["spec"]["replicas"] = size
        word = "up" if size > before else "down"
        message = f"Scaled {word} replica set {metadata['name']} from {before} to {size}"
        self.world.recorder.tell(deployment, "ScalingReplicaSet", message, COMPONENT)

    def _say(self, deployment: Object, new: Object, sets: list[Object]) -> None:
        status = status_of(deployment, new, sets, self.world.timeline.stamp())
        if deployment.get("status") != status:
            self.client.update(DEPLOYMENTS, {**deployment, "status": status}, "status")


def status_of(deployment: Object, new: Object, sets: list[Object], now: str) -> Object:
    """Counts and conditions (deployment/sync.go)."""
    replicas = deployment["spec"].get("replicas", 1)
    present, available = _total(sets, "replicas"), _total(sets, "availableReplicas")
    updated, updated_available = _total([new], "replicas"), _total([new], "availableReplicas")
    counts = {
        "replicas": present,
        "updatedReplicas": updated,
        "readyReplicas": _total(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(replicas, present) - available),
    }
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    minimum = replicas - share(rolling.get("maxUnavailable"), replicas, up=False, default=0)
    name = new["metadata"]["name"]
    if updated == replicas == present and updated_available >= replicas:
        progress = ("NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
    else:
        progress = ("ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    enough = available >= minimum
    availability = (
        ("MinimumReplicasAvailable", "Deployment has minimum availability.")
        if enough
        else ("MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    )
    before = {each["type"]: each for each in (deployment.get("status") or {}).get("conditions") or ()}
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{field: count for field, count in counts.items() if count},
        "terminatingReplicas": _total(sets, "terminatingReplicas"),
        "conditions": [
            _condition("Available", enough, availability, before, now),
            _condition("Progressing", True, progress, before, now),
        ],
    }


def _condition(type_: str, holds: bool, why: tuple[str, str], before: Mapping[str, Any], now: str) -> Object:
    status = "True" if holds else "False"
    old = before.get(type_, {})
    same = (old.get("status"), old.get("reason"), old.get("message")) == (status, *why)
    turned = old.get("lastTransitionTime", now) if old.get("status") == status else now
    return {
        "type": type_,
        "status": status,
        "lastUpdateTime": old.get("lastUpdateTime", now) if same else now,
        "lastTransitionTime": turned,
        "reason": why[0],
        "message": why[1],
    }


def _facts(replica_set: Object) -> SetFacts:
    status = replica_set.get("status") or {}
    wanted = replica_set["spec"].get("replicas", 1)
    return SetFacts(
        replica_set["metadata"]["name"], wanted, status.get("replicas", 0), status.get("availableReplicas", 0)
    )


def _total(sets: list[Object], field: str) -> int:
    return sum((each.get("status") or {}).get(field, 0) for each in sets)


def _revision(replica_set: Object) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, 0))


def _same_template(replica_set: Object, deployment: Object) -> bool:
    """Equal but for the hash label (deployment util: EqualIgnoreHash)."""
    of_set = replica_set["spec"]["template"]
    metadata = dict(of_set.get("metadata") or {})
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != TEMPLATE_HASH}
    wanted = deployment["spec"]["template"]
    wanted_metadata = {**(wanted.get("metadata") or {})}
    wanted_metadata["labels"] = wanted_metadata.get("labels") or {}
    return bool(of_set["spec"] == wanted["spec"] and metadata == wanted_metadata)
