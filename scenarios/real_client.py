"""A real API server as stories ask it: plain objects in and out, refusals in the server's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from spo.doors.wire import JSON, MERGE_PATCH, ApiRequest, status_of
from spo.model import kinds
from spo.model.resource import (
    CRDS,
    DAEMONSETS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    Resource,
)
from spo.real.transport import Answer, Transport

Manifest = dict[str, Any]
Query = tuple[tuple[str, str], ...]

PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
SERVED = (
    *(NODES, NAMESPACES, PODS, EVENTS, LEASES, DAEMONSETS, DEPLOYMENTS, PRIORITY_CLASSES, RESOURCE_QUOTAS, CRDS),
    *kinds.resources(),
)
RESOURCES = {resource.kind: resource for resource in SERVED}
WATCH_S = 3600
OCTETS = "application/octet-stream"


class Failed(Exception):
    """The server's no."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def is_ready(pod: Manifest) -> bool:
    """Does it answer? One that has been told to go may be gone before its object is."""
    ready = [each["status"] for each in pod["status"].get("conditions", ()) if each["type"] == "Ready"]
    return ready == ["True"] and "deletionTimestamp" not in pod["metadata"]


class Client:
    """Each method is one request. Raises Failed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        try:
            return self._asked(ApiRequest("GET", resource.path(namespace, name)))
        except Failed as failed:
            if failed.code == 404:
                return None
            raise

    def list(self, resource: Resource, namespace: str = "", labels: str = "") -> list[Manifest]:
        query = (("labelSelector", labels),) if labels else ()
        items: list[Manifest] = self._asked(ApiRequest("GET", resource.path(namespace), query))["items"]
        return items

    def create(self, resource: Resource, obj: Manifest) -> Manifest:
        return self._asked(self._creation(resource, obj, ()))

    def create_with_warnings(self, resource: Resource, obj: Manifest, validation: str) -> tuple[str, ...]:
        return self._answer(self._creation(resource, obj, (("fieldValidation", validation),))).warnings

    def patch(self, resource: Resource, namespace: str, name: str, patch: Manifest) -> Manifest:
        path = resource.path(namespace, name)
        return self._asked(ApiRequest("PATCH", path, (), MERGE_PATCH, msgspec.json.encode(patch)))

    def delete(self, resource: Resource, namespace: str, name: str, grace_s: int | None = None) -> None:
        options = {} if grace_s is None else {"gracePeriodSeconds": grace_s}
        self._answer(ApiRequest("DELETE", resource.path(namespace, name), (), JSON, msgspec.json.encode(options)))

    def delete_all(self, resource: Resource, namespace: str, grace_s: int | None = None) -> None:
        """Delete the collection."""
        options = {} if grace_s is None else {"gracePeriodSeconds": grace_s}
        self._answer(ApiRequest("DELETE", resource.path(namespace), (), JSON, msgspec.json.encode(options)))

    def through(
        self,
        namespace: str,
        pod: str,
        port: int,
        path: str,
        *,
        method: str = "GET",
        query: Query = (),
        body: bytes = b"",
    ) -> bytes:
        """Ask a pod, through the API server's proxy."""
        proxy = f"{PODS.path(namespace, f'{pod}:{port}', 'proxy')}/{path}"
        return self._answer(ApiRequest(method, proxy, query, OCTETS if body else "", body)).body

    def version(self, resource: Resource) -> str:
        """Where a watch can begin."""
        listed = self._asked(ApiRequest("GET", resource.path()))
        return str(listed["metadata"]["resourceVersion"])

    def watch(self, resource: Resource, version: str) -> Iterator[Manifest]:
        """Every change in the cluster after `version`, until the server ends it after an hour."""
        query = (("watch", "1"), ("resourceVersion", version), ("timeoutSeconds", str(WATCH_S)))
        call = ApiRequest("GET", resource.path(), query)
        with self._transport.stream(call, WATCH_S) as lines:
            if isinstance(lines, Answer):
                raise Failed(lines.status, status_of(lines.body).message)
            for line in lines:
                yield msgspec.json.decode(line)

    def _creation(self, resource: Resource, obj: Manifest, query: Query) -> ApiRequest:
        namespace = obj["metadata"].get("namespace", "")
        return ApiRequest("POST", resource.path(namespace), query, JSON, msgspec.json.encode(obj))

    def _asked(self, call: ApiRequest) -> Manifest:
        answer: Manifest = msgspec.json.decode(self._answer(call).body)
        return answer

    def _answer(self, call: ApiRequest) -> Answer:
        answer = self._transport.send(call)
        if answer.status >= 400:
            raise Failed(answer.status, status_of(answer.body).message)
        return answer
