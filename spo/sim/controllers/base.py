"""What every controller is: it hears of changes, puts keys on its list, and works them off a moment later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from spo.model.resource import PODS
from spo.sim.api.status import ApiError
from spo.sim.client import Object
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey
from spo.sim.timeline import Alarm

RETRY_S = 0.05
RETRY_S_MAX = 300.0
PATIENCE = 5  # tries; after that a failing key no longer counts as the world being busy


class Controller:
    """Subclasses say which resources they hear of, turn changes into keys (`hear`, `hear_pod`), and do the `work`."""

    component: ClassVar[str] = ""
    watches: ClassVar[frozenset[str]] = frozenset()  # resources; "*" is all
    delay_s: ClassVar[float] = 0.01

    def __init__(self, context: SharedContext) -> None:
        self.context = context
        self.client = context.client(self.component)
        self._due: dict[Any, Alarm] = {}
        self._failures: dict[Any, int] = {}

    def hear(self, change: Change) -> None:
        """A watched object came, changed or went."""

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        """A pod came, changed or went (for those that watch pods)."""

    def work(self, key: Any) -> None:
        """Bring the world closer to what the object wants. ApiError: tried again, ever later."""
        raise NotImplementedError

    def create_pod(self, owner: Object, pod: Object, component: str) -> str:
        """Make a pod for `owner` and tell it; gives the pod's name. ApiError: told, too."""
        tell = self.context.recorder.tell
        try:
            name: str = self.client.create(PODS, pod)["metadata"]["name"]
        except ApiError as error:
            tell(owner, "FailedCreate", f"Error creating: {error.message}", component, warning=True)
            raise
        tell(owner, "SuccessfulCreate", f"Created pod: {name}", component)
        return name

    def delete_pod(self, owner: Object, pod: PodFacts, component: str) -> None:
        """Delete exactly this pod of `owner` and tell it."""
        self.client.delete(PODS, pod.key.namespace, pod.key.name, uid=pod.uid)
        self.context.recorder.tell(owner, "SuccessfulDelete", f"Deleted pod: {pod.key.name}", component)

    def want(self, key: Any, after_s: float | None = None, *, idle: bool = False) -> None:
        """Look at `key` after a moment, or after `after_s`; the earlier of two wishes wins."""
        timeline = self.context.timeline
        when_ns = timeline.now_ns + round((self.delay_s if after_s is None else after_s) * 1e9)
        standing = self._due.get(key)
        if standing is not None:
            if standing.when_ns <= when_ns and (idle or not standing.idle):
                return
            timeline.cancel(standing)
            when_ns = min(when_ns, standing.when_ns)
        self._due[key] = timeline.at(when_ns, lambda: self._turn(key), idle=idle)

    def _turn(self, key: Any) -> None:
        del self._due[key]
        try:
            self.work(key)
        except ApiError:
            failed = self._failures[key] = self._failures.get(key, 0) + 1
            delay_s = min(RETRY_S * 2 ** min(failed, 16), RETRY_S_MAX)
            self.want(key, delay_s, idle=failed >= PATIENCE)
        else:
            self._failures.pop(key, None)


class Uids:
    """Objects of a kind by uid, and back."""

    def __init__(self) -> None:
        self._keys: dict[str, StoreKey] = {}
        self._uids: dict[StoreKey, str] = {}

    def add(self, key: StoreKey, uid: str) -> None:
        self.drop(key)
        self._keys[uid], self._uids[key] = key, uid

    def drop(self, key: StoreKey) -> str:
        """Forget an object; gives its uid."""
        uid = self._uids.pop(key, "")
        self._keys.pop(uid, None)
        return uid

    def key_of(self, uid: str) -> StoreKey | None:
        return self._keys.get(uid)

    def all(self) -> tuple[StoreKey, ...]:
        return tuple(self._uids)


def controller_reference(api_version: str, kind: str, owner: Mapping[str, Any]) -> Object:
    """The owner reference a controller puts on what it makes."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The owner reference of the controller in charge."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Mapping[str, Any] = reference
            return found
    return None
