"""The store: immutable objects, one revision counter, one bounded log; list, watch, 410 and continue derive from it.

What etcd and the watch cache are to a real API server.

Rules
    1. Objects change by `put` and `delete` alone. Each makes one revision: the counter goes up by one, never back.
    2. A record is the very JSON that a client gets, and is never changed. Who wants to write decodes a copy of its own.
    3. A change (what stood before, what stands now) enters the log first. Then listeners hear of it, in the order in
       which they subscribed.
    4. The log has the newest changes, without holes. Who asks for older ones is refused (Compacted, HTTP 410): half a
       history is none.

Expected flow
    write    get → a copy, checked and changed → put → record at the next revision → log → listeners
    list     scan, in key order; as it stood at N (exact lists, pages after the first): as_of(N), which starts from what
             stands now and takes back what came after N
    watch    from N: since(N), then as a listener

Guarantees
    A watch from a list's revision leaves nothing out and tells nothing twice. A deletion is a revision like any other;
    watchers get the last state at it. A record stays true of its revision, whatever is written later: that its bytes
    are compressed when they have gone cold (against the first cold ones of their resource) is this module's secret.

Assumptions
    One thread. Between a check and its `put` nobody else writes: there are no transactions, and preconditions are the
    caller's. A listener that writes makes those after it hear of its change first: all but the watch hub, which keeps
    the order itself, write later, on the timeline. Who sets `revision` (a snapshot is loaded) compacts up to it.

Does not
    know kinds, versions, finalizers or namespaces; validate; expire anything but the end of its log.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

LOG_LENGTH = 100_000  # revisions a watch can be behind; etcd keeps five minutes
WARM_BYTES = 16 << 20  # bodies that stay uncompressed, newest first
COLD_FROM = 512  # bytes: smaller bodies are not worth compressing

Object = dict[str, Any]


class StoreKey(NamedTuple):
    """`resource` is `plural` or `plural.group`; `namespace` is empty for cluster-scoped kinds."""

    resource: str
    namespace: str
    name: str


class Compacted(Exception):
    """That revision is no longer in the log."""


class Record:
    """One object at one revision. `labels` and `node` (`spec.nodeName`) are at hand without opening the body."""

    __slots__ = ("_bytes", "_dictionary", "key", "labels", "node", "revision")

    def __init__(self, key: StoreKey, revision: int, body: bytes, labels: Mapping[str, str], node: str) -> None:
        self.key = key
        self.revision = revision
        self.labels = labels
        self.node = node
        self._bytes = body
        self._dictionary: bytes | None = None  # compressed against this

    @property
    def body(self) -> bytes:
        """The object as JSON."""
        if self._dictionary is None:
            return self._bytes
        opened = zlib.decompressobj(zdict=self._dictionary)
        return opened.decompress(self._bytes) + opened.flush()

    def object(self) -> Object:
        """A copy of one's own."""
        decoded: Object = msgspec.json.decode(self.body)
        return decoded

    @property
    def size(self) -> int:
        return len(self._bytes)

    def cool(self, dictionary: bytes) -> None:
        if self._dictionary is None:
            packer = zlib.compressobj(1, zdict=dictionary)
            self._bytes = packer.compress(self._bytes) + packer.flush()
            self._dictionary = dictionary


class Change(NamedTuple):
    """One revision: what stood at a key before and after. `deleted`: the last state, at its deletion."""

    revision: int
    before: Record | None
    after: Record | None
    deleted: Record | None = None

    @property
    def key(self) -> StoreKey:
        record = self.after or self.before
        assert record is not None
        return record.key


class Store:
    """All objects of the cluster, and how they came to be."""

    def __init__(self, log_length: int = LOG_LENGTH) -> None:
        self.revision = 1
        self.compacted = 1  # watches and exact lists can start here or later
        self._log_length = log_length
        self._log: deque[Change] = deque()
        self._records: dict[StoreKey, Record] = {}
        self._names: dict[str, dict[str, list[str]]] = {}  # resource → namespace → sorted names
        self._spaces: dict[str, list[str]] = {}  # resource → sorted namespaces
        self._warm: deque[Record] = deque()
        self._warm_bytes = 0
        self._dictionaries: dict[str, bytes] = {}
        self._shared: dict[Any, Any] = {}  # labels and short strings, one copy each
        self._listeners: list[Callable[[Change], None]] = []

    # -- writing: the one way the world changes ------------------------------------------------------------------

    def put(self, key: StoreKey, obj: Object) -> Record:
        """Store `obj` (create or replace) at the next revision, which becomes its `metadata.resourceVersion`."""
        record = self._record(key, obj)
        before = self._records.get(key)
        if before is None:
            self._enter(key)
        self._records[key] = record
        self._commit(Change(record.revision, before, record))
        return record

    def delete(self, key: StoreKey, last: Object) -> Record:
        """Remove the object; `last` is its last state, told to watchers at the revision of the deletion."""
        before = self._records.pop(key)
        self._leave(key)
        gone = self._record(key, last)
        self._commit(Change(gone.revision, before, None, gone))
        return gone

    def compact(self, revision: int) -> None:
        """Drop history up to and with `revision`."""
        while self._log and self._log[0].revision <= revision:
            self._log.popleft()
        self.compacted = max(self.compacted, min(revision, self.revision))

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` after each commit."""
        self._listeners.append(listener)

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self, key: StoreKey) -> Record | None:
        return self._records.get(key)

    def scan(self, resource: str, namespace: str = "", after: tuple[str, str] | None = None) -> Iterator[Record]:
        """Records of a resource in key order (namespace, name), of one namespace or of all, beyond `after`."""
        names = self._names.get(resource, {})
        spaces = [namespace] if namespace else list(self._spaces.get(resource, ()))
        start = bisect_left(spaces, after[0]) if after else 0
        for space in spaces[start:]:
            inside = names.get(space, [])
            first = bisect_right(inside, after[1]) if after and space == after[0] else 0
            for name in inside[first:]:
                record = self._records.get(StoreKey(resource, space, name))
                if record is not None:
                    yield record

    def has_any(self, resource: str, namespace: str) -> bool:
        """Is there an object of a resource in a namespace?"""
        return namespace in self._names.get(resource, ())

    def count(self, resource: str) -> int:
        return sum(len(names) for names in self._names.get(resource, {}).values())

    def resources(self) -> list[str]:
        """Every resource that has an object."""
        return sorted(self._spaces)

    def as_of(self, revision: int, resource: str, namespace: str = "") -> list[Record]:
        """The records of a resource as they stood at `revision`, in key order. Raises Compacted."""
        records = {record.key: record for record in self.scan(resource, namespace)}
        for change in reversed(self.since(revision)):
            key = change.key
            if key.resource == resource and (not namespace or key.namespace == namespace):
                if change.before is None:
                    records.pop(key, None)
                else:
                    records[key] = change.before
        return [records[key] for key in sorted(records)]

    def since(self, revision: int) -> list[Change]:
        """Every change after `revision`, oldest first. Raises Compacted."""
        if revision < self.compacted:
            raise Compacted(revision)
        if not self._log or revision >= self.revision:
            return []
        # One entry a revision, without holes: its place follows from its number.
        skip = max(0, revision + 1 - self._log[0].revision)
        return [self._log[i] for i in range(skip, len(self._log))]

    # -- inside --------------------------------------------------------------------------------------------------

    def _record(self, key: StoreKey, obj: Object) -> Record:
        revision = self.revision + 1
        metadata = obj["metadata"]
        metadata["resourceVersion"] = str(revision)
        key = StoreKey(self._one(key.resource), self._one(key.namespace), key.name)
        labels = self._one_mapping(metadata.get("labels") or {})
        spec = obj.get("spec")
        node = spec.get("nodeName") if isinstance(spec, dict) else None
        record = Record(key, revision, msgspec.json.encode(obj), labels, self._one(str(node or "")))
        self._keep_warm(record)
        return record

    def _commit(self, change: Change) -> None:
        self.revision = change.revision
        self._log.append(change)
        if len(self._log) > self._log_length:
            self.compacted = self._log.popleft().revision
        for listener in self._listeners:
            listener(change)

    def _keep_warm(self, record: Record) -> None:
        if record.size < COLD_FROM:
            return
        self._warm.append(record)
        self._warm_bytes += record.size
        while self._warm_bytes > WARM_BYTES:
            cold = self._warm.popleft()
            self._warm_bytes -= cold.size
            cold.cool(self._dictionaries.setdefault(cold.key.resource, cold.body[:32768]))

    def _enter(self, key: StoreKey) -> None:
        spaces = self._names.setdefault(key.resource, {})
        if key.namespace not in spaces:
            spaces[key.namespace] = []
            insort(self._spaces.setdefault(key.resource, []), key.namespace)
        insort(spaces[key.namespace], key.name)

    def _leave(self, key: StoreKey) -> None:
        names = self._names[key.resource][key.namespace]
        del names[bisect_left(names, key.name)]
        if not names:
            del self._names[key.resource][key.namespace]
            self._spaces[key.resource].remove(key.namespace)
            if not self._spaces[key.resource]:
                del self._spaces[key.resource], self._names[key.resource]

    def _one(self, text: str) -> str:
        return self._shared.setdefault(text, text)  # type: ignore[no-any-return]

    def _one_mapping(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        pairs = tuple(labels.items())
        found = self._shared.get(pairs)
        if found is None:
            found = self._shared[pairs] = {self._one(k): self._one(v) for k, v in pairs}
        return found
