"""What the parts of a cluster share: the time, the store, who asks, and indexes over pods and owners."""

from __future__ import annotations

from collections.abc import Callable

from spo.model.resource import Resource
from spo.sim.client import Client, Object
from spo.sim.shared.event_recorder import EventRecorder
from spo.sim.shared.index import Owners, Pods
from spo.sim.store import Store, StoreKey
from spo.sim.timeline import Timeline


class SharedContext:
    """What the parts of a cluster share. Only the API server writes; everyone may read the store."""

    def __init__(
        self,
        timeline: Timeline,
        store: Store,
        client: Callable[[str], Client],
        resource: Callable[[str, str], Resource | None],
        serves: Callable[[str], bool],
    ) -> None:
        self.timeline = timeline
        self.store = store
        self.client = client  # of a component: `scheduler`, `node:node-1`
        self.resource = resource  # by apiVersion and kind
        self.serves = serves  # `pods`, `jobs.batch`: is there such a resource?
        self.pods = Pods()
        self.owners = Owners()
        self.recorder = EventRecorder(timeline, client)

    def read(self, resource: str, namespace: str, name: str) -> Object | None:
        """An object as the store has it, straight from there."""
        record = self.store.get(StoreKey(resource, namespace, name))
        return record.object() if record is not None else None
