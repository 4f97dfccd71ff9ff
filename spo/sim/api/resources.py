"""What is served: the built-in kinds, and those that established CustomResourceDefinitions define."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from spo.sim.api.custom import crd
from spo.sim.api.kinds import Kind, Object, View
from spo.sim.store import Change, Record, Store

CRDS = "customresourcedefinitions.apiextensions.k8s.io"


class Served(Struct, frozen=True, eq=False):
    """A kind under one group and version. `head` opens every stored object of it, so that lists can leave it out."""

    kind: Kind
    storage: str  # StoreKey.resource
    head: bytes
    since: int = 0  # revision it was established at; the watch cache knows nothing older
    view: View | None = None  # one storage, two faces
    schema_since: int = 0  # what was stored before this revision was fitted to another schema

    @property
    def list_kind(self) -> str:
        return self.kind.list_kind or self.kind.resource.kind + "List"


def serve(kind: Kind, since: int = 0, schema_since: int = 0) -> Served:
    resource = kind.resource
    if kind.custom:  # a map in Go: keys in order
        head = f'{{"apiVersion":"{resource.api_version}","kind":"{resource.kind}",'
    else:
        head = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'
    if isinstance(kind, View):
        return Served(kind, kind.storage, head.encode(), since, kind)
    return Served(kind, resource.storage, head.encode(), since, schema_since=schema_since)


def converted(served: Served, record: Record) -> Object:
    """The stored object in this version. Versions of a CRD differ in nothing but their name (conversion `None`)."""
    obj = record.object()
    if served.view is not None:
        return served.view.shown(obj)
    obj["apiVersion"] = served.kind.resource.api_version
    if is_outdated(served, record):
        fit(served.kind, obj)
    return obj


def fit(kind: Kind, obj: Object) -> list[str]:
    """Prune and default, in place, what was stored under another schema; gives the paths of fields that are gone."""
    gone = kind.unknown_fields(obj)
    kind.drop_nulls(obj)
    kind.default(obj)
    return gone


def is_outdated(served: Served, record: Record) -> bool:
    """Was it stored when its CRD had another schema? Then it is pruned and defaulted by the new one as it is read."""
    return record.revision < served.schema_since


def shaped(served: Served, obj: Object) -> Object:
    """The object with its fields in the order that `Served.head` counts on."""
    first = ("apiVersion", "kind") if served.kind.custom else ("kind", "apiVersion")
    return {**{field: obj[field] for field in (*first, "metadata")}, **obj}


def to_store(served: Served, obj: Object) -> Object:
    """The object as it is stored. Its metadata is the same, so that it learns its new version."""
    return shaped(served, obj if served.view is None else served.view.stored(obj))


def rendered(served: Served, record: Record) -> bytes:
    """What a client gets: the stored bytes, if they are of this version."""
    body = record.body
    if body.startswith(served.head) and not is_outdated(served, record):
        return body
    return msgspec.json.encode(shaped(served, converted(served, record)))


class Registry:
    """Finds what a path names. Follows the CRDs in the store."""

    def __init__(self, store: Store, builtin: Iterable[Kind]) -> None:
        self._store = store
        self._builtin = {_place(kind): serve(kind) for kind in builtin}
        self._custom: dict[tuple[str, str, str], Served] = {}
        self._by_crd: dict[str, list[tuple[str, str, str]]] = {}
        self.builtin_groups = frozenset(group for group, _, _ in self._builtin)
        self.on_gone: Callable[[str], None] | None = None  # told the storage of a kind that is served no more
        for record in store.scan(CRDS):
            self._establish(record)

    def find(self, group: str, version: str, plural: str) -> Served | None:
        place = (group, version, plural)
        return self._builtin.get(place) or self._custom.get(place)

    def all(self) -> list[Served]:
        """Built-in first, then custom, each in order of their making."""
        return [*self._builtin.values(), *self._custom.values()]

    def on_change(self, change: Change) -> None:
        if change.key.resource != CRDS:
            return
        if change.after is None:
            self._withdraw(change.key.name)
        elif change.before is None or change.before.revision != change.after.revision:
            self._establish(change.after)

    def _establish(self, record: Record) -> None:
        obj = record.object()
        conditions = (obj.get("status") or {}).get("conditions") or ()
        if not any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions):
            return
        if "deletionTimestamp" in obj["metadata"]:
            return
        known = {place: self._custom[place] for place in self._by_crd.get(record.key.name, ())}
        for place in known:
            del self._custom[place]
        places = []
        for kind in crd.parse(obj):
            place = _place(kind)
            self._custom[place] = _served_again(kind, known.get(place), record.revision)
            places.append(place)
        self._by_crd[record.key.name] = places

    def _withdraw(self, name: str) -> None:
        for place in self._by_crd.pop(name, ()):
            served = self._custom.pop(place)
            if self.on_gone:
                self.on_gone(served.storage)


def _served_again(kind: crd.CustomResource, before: Served | None, revision: int) -> Served:
    """A kind of a CRD that came, or changed, at this revision."""
    if before is None:
        return serve(kind, revision)
    standing = isinstance(before.kind, crd.CustomResource) and before.kind.published == kind.published
    return serve(kind, before.since, before.schema_since if standing else revision)


def _place(kind: Kind) -> tuple[str, str, str]:
    return kind.resource.group, kind.resource.version, kind.resource.plural
