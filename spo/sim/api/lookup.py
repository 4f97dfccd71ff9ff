"""Which records have this label, or stand on this node: indexes that are built when first asked for, and kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from spo.sim.api.fieldselectors import FieldSelector
from spo.sim.api.selectors import LabelSelector
from spo.sim.store import Change, Record, Store, StoreKey

WORTH_IT = 256  # records; fewer are scanned faster than looked up


class Dimension(NamedTuple):
    """What is indexed: `("node", "")` or `("label", key)`."""

    what: str
    key: str = ""

    def value(self, record: Record) -> str | None:
        if self.what == "node":
            return record.node
        return record.labels.get(self.key)


def dimension(labels: LabelSelector, fields: FieldSelector) -> tuple[Dimension, str] | None:
    """The index a selection can use, and the value to look for."""
    node = fields.equality("spec.nodeName")
    if node is not None:
        return Dimension("node"), node
    wanted = labels.equality()
    return None if wanted is None else (Dimension("label", wanted[0]), wanted[1])


class Lookup:
    """Follows the store. An index maps a value to the keys of the records that have it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._indexes: dict[str, dict[Dimension, dict[str, dict[StoreKey, None]]]] = {}

    def find(self, resource: str, at: Dimension, value: str) -> Iterable[Record] | None:
        """The records in key order; None if a scan is as good."""
        index = self._indexes.get(resource, {}).get(at)
        if index is None:
            if self._store.count(resource) < WORTH_IT:
                return None
            index = self._build(resource, at)
        found = (self._store.get(key) for key in sorted(index.get(value, ())))
        return [record for record in found if record is not None]

    def on_change(self, change: Change) -> None:
        for at, index in self._indexes.get(change.key.resource, {}).items():
            before = None if change.before is None else at.value(change.before)
            after = None if change.after is None else at.value(change.after)
            if before == after:
                continue
            if before is not None:
                index[before].pop(change.key, None)
                if not index[before]:
                    del index[before]
            if after is not None:
                index.setdefault(after, {})[change.key] = None

    def _build(self, resource: str, at: Dimension) -> dict[str, dict[StoreKey, None]]:
        index: dict[str, dict[StoreKey, None]] = {}
        for record in self._store.scan(resource):
            value = at.value(record)
            if value is not None:
                index.setdefault(value, {})[record.key] = None
        self._indexes.setdefault(resource, {})[at] = index
        return index
