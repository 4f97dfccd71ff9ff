"""Kubernetes Events, as components write them: one object a kind of happening, counted when it happens again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from spo.model.resource import EVENTS
from spo.sim.api.status import ApiError
from spo.sim.client import Client
from spo.sim.timeline import Timeline

REMEMBERED = 4096  # kinds of happenings a component can count on (client-go's EventCorrelator)


class _Told(Struct):
    namespace: str
    name: str
    count: int


class EventRecorder:
    """Writes Events. Losing one is no failure: whoever tells it goes on."""

    def __init__(self, timeline: Timeline, client: Callable[[str], Client]) -> None:
        self._timeline = timeline
        self._client_of = client
        self._clients: dict[str, Client] = {}
        self._told: dict[tuple[str, ...], _Told] = {}
        self._made = 0
        self.normal = True  # `False`: warnings only

    def tell(
        self,
        involved: Mapping[str, Any],
        reason: str,
        message: str,
        component: str,
        *,
        warning: bool = False,
        host: str = "",
        field: str = "",
    ) -> None:
        """`involved`: the object it is about; `field`: a part of it, like `spec.containers{name}`."""
        if not warning and not self.normal:
            return
        metadata = involved["metadata"]
        key = (metadata.get("uid", metadata["name"]), reason, message, component, field)
        told = self._told.get(key)
        client = self._client(f"node:{host}" if host else component)
        try:
            if told is None:
                event = self._event(involved, reason, message, component, warning, host, field)
                client.create(EVENTS, event)
                self._remember(key, event["metadata"])
            else:
                told.count += 1
                again = {"count": told.count, "lastTimestamp": self._timeline.stamp()}
                client.patch(EVENTS, told.namespace, told.name, again)
        except ApiError:
            self._told.pop(key, None)

    def _client(self, user: str) -> Client:
        if user not in self._clients:
            self._clients[user] = self._client_of(user)
        return self._clients[user]

    def _remember(self, key: tuple[str, ...], metadata: Mapping[str, str]) -> None:
        if len(self._told) >= REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[key] = _Told(metadata["namespace"], metadata["name"], 1)

    def _event(
        self,
        involved: Mapping[str, Any],
        reason: str,
        message: str,
        component: str,
        warning: bool,
        host: str,
        field: str,
    ) -> dict[str, Any]:
        metadata = involved["metadata"]
        self._made += 1
        namespace = metadata.get("namespace") or "default"
        name = f"{metadata['name'][:230]}.{self._timeline.now_ns + self._made:016x}"
        about = {
            "kind": involved["kind"],
            "namespace": metadata.get("namespace", ""),
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
            "apiVersion": involved["apiVersion"],
            "resourceVersion": metadata.get("resourceVersion", ""),
            "fieldPath": field,
        }
        now = self._timeline.stamp()
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {k: v for k, v in about.items() if v},
            "reason": reason,
            "message": message,
            "source": {"component": component, "host": host} if host else {"component": component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": "Warning" if warning else "Normal",
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": host,
        }
