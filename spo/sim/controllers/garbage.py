"""The garbage collector: what nobody owns any more goes, in the background, in the foreground, or orphaned.

Source: pkg/controller/garbagecollector; recorded sequences `gc-*`. An owner of a kind that the API server does not know
is left alone, as there: nobody can say whether it exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from spo.model.resource import Resource
from spo.sim.api.status import ApiError
from spo.sim.api.verbs.deletion import FOREGROUND, ORPHAN
from spo.sim.controllers.base import Controller
from spo.sim.shared.index import Owner, Tie, tie
from spo.sim.store import Change, StoreKey

State = Literal["solid", "dangling", "waiting", "unknown"]


class Disposal(Struct, frozen=True):
    """What is to become of a dependant: references to take off, or deletion by a policy."""

    drop: tuple[str, ...] = ()  # uids
    delete: str = ""  # propagation policy


def decide(item: Tie, states: Mapping[str, State], has_dependants: bool) -> Disposal:
    """`states`: of each owner, by uid: there (`solid`), gone (`dangling`), or waiting for its dependants to go."""
    found = [states[owner.uid] for owner in item.owners]
    if not found or "unknown" in found or ("dangling" not in found and "waiting" not in found):
        return Disposal()
    if "solid" in found:
        return Disposal(drop=tuple(owner.uid for owner in item.owners if states[owner.uid] != "solid"))
    if "waiting" in found and has_dependants:
        return Disposal(delete="Foreground")
    if ORPHAN in item.finalizers:
        return Disposal(delete="Orphan")
    return Disposal(delete="Foreground" if FOREGROUND in item.finalizers else "Background")


class GarbageCollector(Controller):
    component = "serviceaccount:kube-system:generic-garbage-collector"
    watches = frozenset({"*"})

    def hear(self, change: Change) -> None:
        if change.after is None:
            if change.deleted is not None:
                gone = tie(change.deleted)
                for key in self.context.owners.of(gone.uid):
                    self.want(key)
                for owner in gone.owners:
                    self._want_waiting(owner, change.key.namespace)
            return
        body = change.after.body
        if self.context.owners.moved or (b'"deletionTimestamp"' in body and b'"finalizers"' in body):
            self.want(change.key)

    def _want_waiting(self, owner: Owner, namespace: str) -> None:
        """An owner that waits for its dependants has one less."""
        found = self._find(owner, namespace)
        if found is not None and self.context.store.get(found) is not None:
            self.want(found)

    def work(self, key: StoreKey) -> None:
        record = self.context.store.get(key)
        if record is None:
            return
        item = tie(record)
        if item.deleting and FOREGROUND in item.finalizers:
            self._foreground(key, item)
        elif item.deleting and ORPHAN in item.finalizers:
            self._orphan(key, item)
        elif not item.deleting:
            self._collect(key, item)

    # -- a dependant ---------------------------------------------------------------------------------------------

    def _collect(self, key: StoreKey, item: Tie) -> None:
        states = {owner.uid: self._state(owner, key.namespace) for owner in item.owners}
        verdict = decide(item, states, bool(self.context.owners.of(item.uid)))
        resource = self._resource(key)
        if resource is None:
            return
        if verdict.drop:
            self._drop(resource, key, verdict.drop)
        elif verdict.delete:
            if verdict.delete == "Foreground" and self._in_circle(item):
                self._unblock(resource, key)
            self.client.delete(resource, key.namespace, key.name, uid=item.uid, policy=verdict.delete)

    def _in_circle(self, item: Tie) -> bool:
        """Does one of its own dependants wait already? Then each would wait for the other for ever."""
        records = (self.context.store.get(key) for key in self.context.owners.of(item.uid))
        ties = (tie(record) for record in records if record is not None)
        return any(each.deleting and FOREGROUND in each.finalizers for each in ties)

    def _state(self, owner: Owner, namespace: str) -> State:
        key = self._find(owner, namespace)
        if key is None:
            return "unknown"
        record = self.context.store.get(key)
        standing = tie(record) if record is not None else None
        if standing is None or standing.uid != owner.uid:
            return "dangling"
        return "waiting" if standing.deleting and FOREGROUND in standing.finalizers else "solid"

    def _find(self, owner: Owner, namespace: str) -> StoreKey | None:
        resource = self.context.resource(owner.api_version, owner.kind)
        if resource is None:
            return None
        return StoreKey(resource.storage, namespace if resource.namespaced else "", owner.name)

    # -- an owner on its way out -----------------------------------------------------------------------------------

    def _foreground(self, key: StoreKey, item: Tie) -> None:
        """Every dependant goes first, those that block are waited for; then the finalizer."""
        blocking = []
        for dependant in self.context.owners.of(item.uid):
            record = self.context.store.get(dependant)
            each = tie(record) if record is not None else None
            if each is None or not any(o.uid == item.uid and o.block_owner_deletion for o in each.owners):
                continue
            blocking.append(dependant)
            self.want(dependant)
        if not blocking:
            self._remove_finalizer(key, item, FOREGROUND)

    def _orphan(self, key: StoreKey, item: Tie) -> None:
        for dependant in self.context.owners.of(item.uid):
            resource = self._resource(dependant)
            if resource is not None:
                self._drop(resource, dependant, (item.uid,))
        self._remove_finalizer(key, item, ORPHAN)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _drop(self, resource: Resource, key: StoreKey, uids: Sequence[str]) -> None:
        obj = self.context.read(*key)
        if obj is None:
            return
        left = [each for each in obj["metadata"].get("ownerReferences") or () if each["uid"] not in uids]
        self._patch(resource, key, obj, {"ownerReferences": left or None})

    def _unblock(self, resource: Resource, key: StoreKey) -> None:
        """Let nobody wait for it any more."""
        obj = self.context.read(*key)
        if obj is not None:
            free = [{**each, "blockOwnerDeletion": False} for each in obj["metadata"].get("ownerReferences") or ()]
            self._patch(resource, key, obj, {"ownerReferences": free})

    def _remove_finalizer(self, key: StoreKey, item: Tie, finalizer: str) -> None:
        resource, obj = self._resource(key), self.context.read(*key)
        if resource is not None and obj is not None:
            left = [each for each in item.finalizers if each != finalizer]
            self._patch(resource, key, obj, {"finalizers": left or None})

    def _patch(self, resource: Resource, key: StoreKey, obj: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        version = {"resourceVersion": obj["metadata"]["resourceVersion"], "uid": obj["metadata"]["uid"]}
        try:
            self.client.patch(resource, key.namespace, key.name, {"metadata": {**version, **metadata}})
        except ApiError as error:
            if error.code != 404:
                raise

    def _resource(self, key: StoreKey) -> Resource | None:
        record = self.context.store.get(key)
        if record is None:
            return None
        obj = record.object()
        return self.context.resource(obj["apiVersion"], obj["kind"])
