"""The life of CustomResourceDefinitions: established, and emptied before they go (apiextensions-apiserver)."""

from __future__ import annotations

from collections.abc import Callable

from spo.sim.api.custom import definitions
from spo.sim.api.http import Request, Response
from spo.sim.api.kinds import Object
from spo.sim.api.resources import CRDS, Registry, shaped
from spo.sim.api.status import qualified
from spo.sim.store import Change, Record, Store, StoreKey
from spo.sim.timeline import Timeline

TOKEN = "system:apiextensions"
DELAY_S = 0.025  # measured: within 27 ms; nobody can count on a kind in the moment its definition is created


class CrdController:
    """Looks at each definition a moment after it changed, and at a dying one after each of its objects that goes."""

    def __init__(
        self, store: Store, timeline: Timeline, registry: Registry, ask: Callable[[Request], Response]
    ) -> None:
        self._store = store
        self._timeline = timeline
        self._registry = registry
        self._ask = ask
        self._due: dict[str, None] = {}
        self._dying: dict[str, str] = {}  # storage of the objects → name of the definition

    def on_change(self, change: Change) -> None:
        if change.key.resource == CRDS:
            if change.after is not None:
                self._want(change.key.name)
        elif change.after is None and change.key.resource in self._dying:
            self._want(self._dying[change.key.resource])

    def _want(self, name: str) -> None:
        if name not in self._due:
            self._due[name] = None
            self._timeline.after(DELAY_S, lambda: self._look(name))

    def _look(self, name: str) -> None:
        del self._due[name]
        record = self._store.get(StoreKey(CRDS, "", name))
        if record is None:
            return
        crd = record.object()
        if "deletionTimestamp" in crd["metadata"]:
            self._empty(record, crd)
        elif not definitions.is_established(crd):
            others = [other.object() for other in self._store.scan(CRDS) if other.key.name != name]
            before = record.object()
            definitions.establish(crd, others, self._timeline.stamp())
            if crd != before:
                self._put(record, crd)

    def _empty(self, record: Record, crd: Object) -> None:
        """Delete its objects; when the last is gone, let the definition go."""
        finalizers = crd["metadata"].get("finalizers") or []
        if definitions.CLEANUP_FINALIZER not in finalizers:
            return
        spec = crd["spec"]
        storage = qualified(spec["names"]["plural"], spec["group"])
        self._dying[storage] = record.key.name
        version = next(version["name"] for version in spec["versions"] if version.get("served"))
        for instance in list(self._store.scan(storage)):
            if b'"deletionTimestamp"' not in instance.body:
                space = f"/namespaces/{instance.key.namespace}" if instance.key.namespace else ""
                path = f"/apis/{spec['group']}/{version}{space}/{spec['names']['plural']}/{instance.key.name}"
                self._ask(Request("DELETE", path, headers={"Authorization": f"Bearer {TOKEN}"}))
        if self._store.count(storage):
            return
        del self._dying[storage]
        finalizers = [finalizer for finalizer in finalizers if finalizer != definitions.CLEANUP_FINALIZER]
        if finalizers:
            crd["metadata"]["finalizers"] = finalizers
            self._put(record, crd)
        else:
            self._store.delete(record.key, crd)

    def _put(self, record: Record, crd: Object) -> None:
        served = self._registry.find("apiextensions.k8s.io", "v1", "customresourcedefinitions")
        assert served is not None
        self._store.put(record.key, shaped(served, crd))
