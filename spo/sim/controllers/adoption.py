"""Which pods (or ReplicaSets) are a set's: it takes in orphans its selector matches, and lets go what no longer does.

Source: pkg/controller/controller_ref_manager.go. A set's namespace is searched once, when the set or its selector is
new; after that changes tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from spo.model.resource import PODS, Resource
from spo.sim.api.selectors import LabelSelector
from spo.sim.api.status import ApiError
from spo.sim.client import Client, Object
from spo.sim.controllers.base import Uids, controller_reference
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import tie
from spo.sim.store import Record, StoreKey

GONE = (404, 409, 422)  # it went, or is another one by now: no longer ours to claim


class Claimable(Protocol):
    """What can belong to a set."""

    @property
    def key(self) -> StoreKey: ...
    @property
    def uid(self) -> str: ...
    @property
    def owner(self) -> str: ...  # uid of the controller in charge
    @property
    def deleting(self) -> bool: ...
    @property
    def labels(self) -> Mapping[str, str]: ...


Item = TypeVar("Item", bound=Claimable)
Found = TypeVar("Found", bound=Claimable, covariant=True)


class Items(Protocol[Found]):
    """Where the things to claim are found."""

    resource: Resource

    def of(self, uid: str) -> Sequence[Found]: ...

    def find(self, key: StoreKey) -> Found | None: ...


class PodItems:
    """Pods, by their facts."""

    resource = PODS

    def __init__(self, context: SharedContext) -> None:
        self.of = context.pods.of
        self.find = context.pods.all.get


class ObjectFacts(Struct, frozen=True):
    """What claiming needs to know of an object."""

    key: StoreKey
    uid: str
    owner: str
    deleting: bool
    labels: Mapping[str, str]


def object_facts(record: Record) -> ObjectFacts:
    known = tie(record)
    owner = next((each.uid for each in known.owners if each.controller), "")
    return ObjectFacts(record.key, known.uid, owner, known.deleting, record.labels)


class ObjectItems:
    """Objects of a resource, straight from the store."""

    def __init__(self, context: SharedContext, resource: Resource) -> None:
        self.resource = resource
        self._context = context

    def of(self, uid: str) -> Sequence[ObjectFacts]:
        storage = self.resource.storage
        found = (self.find(key) for key in sorted(self._context.owners.of(uid)) if key.resource == storage)
        return [each for each in found if each is not None and each.owner == uid]

    def find(self, key: StoreKey) -> ObjectFacts | None:
        record = self._context.store.get(key)
        return object_facts(record) if record is not None else None


class Claims(Generic[Item]):
    """Of all sets of one kind."""

    def __init__(self, context: SharedContext, client: Client, resource: Resource, items: Items[Item]) -> None:
        self._context = context
        self._client = client
        self._resource = resource
        self._items = items
        self._uids = Uids()
        self._selectors: dict[str, dict[StoreKey, LabelSelector]] = {}  # by namespace
        self._orphans: dict[StoreKey, dict[StoreKey, None]] = {}  # of each set: what it could take in

    def forget(self, key: StoreKey) -> str:
        """The set is gone. Gives its uid."""
        uid = self._uids.drop(key)
        self._orphans.pop(key, None)
        spaces = self._selectors.get(key.namespace, {})
        spaces.pop(key, None)
        if not spaces:
            self._selectors.pop(key.namespace, None)
        return uid

    def key_of(self, uid: str) -> StoreKey | None:
        return self._uids.key_of(uid)

    def all(self) -> tuple[StoreKey, ...]:
        return self._uids.all()

    def concerned(self, old: Item | None, new: Item | None) -> Sequence[StoreKey]:
        """The sets that should look at what they have because this one changed."""
        if not self._selectors:
            return ()  # no set at all: the usual case of most kinds, at every change of a pod
        keys: dict[StoreKey, None] = {}
        for item in (new, old):
            key = self._uids.key_of(item.owner) if item is not None and item.owner else None
            if key is not None:
                keys[key] = None
        if new is not None and not new.owner and not new.deleting:
            for key, selector in self._selectors.get(new.key.namespace, {}).items():
                if selector.matches(new.labels):
                    self._orphans.setdefault(key, {})[new.key] = None
                    keys[key] = None
        return tuple(keys)

    def of(self, owner: Object, selector: LabelSelector) -> Sequence[Item]:
        """What is the set's, after taking in and letting go. A set on its way out does neither."""
        metadata = owner["metadata"]
        key = StoreKey(self._resource.storage, metadata["namespace"], metadata["name"])
        candidates = self._candidates(key, metadata["uid"], selector)
        if not metadata.get("deletionTimestamp"):
            for item in self._items.of(metadata["uid"]):
                if not selector.matches(item.labels) and not item.deleting:
                    self._refer(item, lambda standing: [each for each in standing if each["uid"] != metadata["uid"]])
            reference = controller_reference(self._resource.api_version, self._resource.kind, owner)
            for name in candidates:
                found = self._items.find(name)
                if found is not None and not found.owner and not found.deleting and selector.matches(found.labels):
                    self._refer(found, lambda standing: [*standing, reference])
        return self._items.of(metadata["uid"])

    def _candidates(self, key: StoreKey, uid: str, selector: LabelSelector) -> list[StoreKey]:
        spaces = self._selectors.setdefault(key.namespace, {})
        heard = list(self._orphans.pop(key, ()))
        if self._uids.key_of(uid) == key and spaces.get(key) == selector:
            return heard
        self._uids.add(key, uid)
        spaces[key] = selector
        records = self._context.store.scan(self._items.resource.storage, key.namespace)
        return [record.key for record in records if record.labels]

    def _refer(self, item: Item, change: Callable[[list[Object]], list[Object]]) -> None:
        obj = self._context.read(*item.key)
        if obj is None:
            return
        references = change(list(obj["metadata"].get("ownerReferences") or ()))
        patch = {"metadata": {"uid": item.uid, "ownerReferences": references or None}}
        try:
            self._client.patch(self._items.resource, item.key.namespace, item.key.name, patch)
        except ApiError as error:
            if error.code not in GONE:
                raise
