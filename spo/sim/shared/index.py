"""What controllers must find without searching: pods by node and by owner, dependants by owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from spo.sim.shared.resource_requests import NOTHING, Needs, Spec, needs_of
from spo.sim.store import Change, Record, StoreKey


class Owner(Struct, frozen=True, rename="camel"):
    """An owner reference."""

    uid: str
    kind: str = ""
    name: str = ""
    api_version: str = ""
    controller: bool = False
    block_owner_deletion: bool = False


class PodFacts(Struct, frozen=True, gc=False):
    """What controllers ask of a pod again and again."""

    key: StoreKey
    uid: str
    owner: str  # uid of the controller that owns it
    node: str
    phase: str
    ready: bool
    deleting: bool
    labels: Mapping[str, str]
    created: str
    needs: Needs = NOTHING
    generation: int = 1
    gated: bool = False  # others have a say in whether it is ready

    @property
    def is_finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    @property
    def is_active(self) -> bool:
        """Counts as a replica: neither finished nor on its way out."""
        return not self.deleting and not self.is_finished


class _Meta(Struct, rename="camel"):
    uid: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    owner_references: list[Owner] | None = None
    generation: int = 1


class _Condition(Struct):
    type: str = ""
    status: str = ""


class _Status(Struct):
    phase: str = ""
    conditions: list[_Condition] | None = None


class _Pod(Struct):
    metadata: _Meta
    status: _Status | None = None


class _NewPod(_Pod):
    spec: Spec | None = None


_decode_pod = msgspec.json.Decoder(_Pod).decode
_decode_new_pod = msgspec.json.Decoder(_NewPod).decode


def facts(record: Record, old: PodFacts | None = None) -> PodFacts:
    """`old`: what was known of the pod; what it needs never changes while it lives."""
    if old is None:
        pod: _Pod = _decode_new_pod(record.body)
        needs = needs_of(pod.spec) if isinstance(pod, _NewPod) and pod.spec is not None else NOTHING
        gated = b'"readinessGates"' in record.body
    else:
        pod, needs, gated = _decode_pod(record.body), old.needs, old.gated
    meta, status = pod.metadata, pod.status or _Status()
    owner = next((owner.uid for owner in meta.owner_references or () if owner.controller), "")
    ready = any(c.type == "Ready" and c.status == "True" for c in status.conditions or ())
    return PodFacts(
        record.key,
        meta.uid,
        owner,
        record.node,
        status.phase,
        ready,
        meta.deletion_timestamp is not None,
        record.labels,
        meta.creation_timestamp or "",
        needs,
        meta.generation,
        gated,
    )


class Pods:
    """Every pod's facts, and who runs where. Fed with every change of a pod."""

    def __init__(self) -> None:
        self.all: dict[StoreKey, PodFacts] = {}
        self._by_node: dict[str, dict[StoreKey, PodFacts]] = {}
        self._by_owner: dict[str, dict[StoreKey, PodFacts]] = {}

    def hear(self, change: Change) -> tuple[PodFacts | None, PodFacts | None]:
        """Take in a change; gives the facts before and after it."""
        key = change.key
        old = self.all.get(key)
        new = facts(change.after, old) if change.after is not None else None
        if old is not None:
            self._leave(self._by_node, old.node, key, new.node if new else "")
            self._leave(self._by_owner, old.owner, key, new.owner if new else "")
        if new is None:
            self.all.pop(key, None)
        else:
            self.all[key] = new
            if new.node:
                self._by_node.setdefault(new.node, {})[key] = new
            if new.owner:
                self._by_owner.setdefault(new.owner, {})[key] = new
        return old, new

    def on(self, node: str) -> Iterable[PodFacts]:
        return tuple(self._by_node.get(node, {}).values())

    def of(self, owner_uid: str) -> tuple[PodFacts, ...]:
        return tuple(self._by_owner.get(owner_uid, {}).values())

    @staticmethod
    def _leave(index: dict[str, dict[StoreKey, PodFacts]], old: str, key: StoreKey, new: str) -> None:
        if old and old != new:
            index[old].pop(key, None)
            if not index[old]:
                del index[old]


class Tie(Struct, frozen=True, rename="camel"):
    """What the garbage collector knows of an object: its identity, its owners, and whether it is on its way out."""

    uid: str
    owners: tuple[Owner, ...] = ()
    deleting: bool = False
    finalizers: tuple[str, ...] = ()


class _TieMeta(Struct, rename="camel"):
    uid: str = ""
    owner_references: tuple[Owner, ...] | None = None
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] | None = None


class _Any(Struct):
    metadata: _TieMeta


_decode_any = msgspec.json.Decoder(_Any).decode


def tie(record: Record) -> Tie:
    meta = _decode_any(record.body).metadata
    deleting = meta.deletion_timestamp is not None
    return Tie(meta.uid, meta.owner_references or (), deleting, meta.finalizers or ())


class Owners:
    """Dependants by the uid of their owner. Objects without owners cost nothing."""

    def __init__(self) -> None:
        self._dependants: dict[str, dict[StoreKey, None]] = {}
        self._owners: dict[StoreKey, tuple[str, ...]] = {}  # of each dependant
        self.moved = False  # did the last change give an object other owners?

    def hear(self, change: Change) -> None:
        key = change.key
        uids: tuple[str, ...] = ()
        if change.after is not None and b'"ownerReferences"' in change.after.body:
            uids = tuple(owner.uid for owner in tie(change.after).owners)
        before = self._owners.get(key, ())
        self.moved = uids != before
        if not self.moved:
            return
        for uid in before:
            self._dependants.get(uid, {}).pop(key, None)
            if not self._dependants.get(uid):
                self._dependants.pop(uid, None)
        for uid in uids:
            self._dependants.setdefault(uid, {})[key] = None
        if uids:
            self._owners[key] = uids
        else:
            self._owners.pop(key, None)

    def of(self, uid: str) -> tuple[StoreKey, ...]:
        """The dependants of an owner."""
        return tuple(self._dependants.get(uid, ()))
