"""A live cluster for commands: plain objects, one request at a time, asked again when there is no answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from spo.doors.ports import Unavailable
from spo.doors.wire import APPLY_PATCH, JSON, MERGE_PATCH, ApiRequest, status_of
from spo.model import kinds
from spo.model.listing import listed
from spo.model.resource import (
    CRDS,
    DAEMONSETS,
    DEPLOYMENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_ACCOUNTS,
    Resource,
)

RBAC = ("rbac.authorization.k8s.io", "v1")
CLUSTER_ROLES = Resource(*RBAC, "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(*RBAC, "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
ROLES = Resource(*RBAC, "roles", "Role")
ROLE_BINDINGS = Resource(*RBAC, "rolebindings", "RoleBinding")

OF_KUBERNETES = {
    (resource.api_version, resource.kind): resource
    for resource in (
        *(NAMESPACES, CRDS, NODES, PODS, DEPLOYMENTS, DAEMONSETS, LEASES, SERVICE_ACCOUNTS),
        *(CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS),
    )
}
PAGE = 500
ATTEMPTS = 6
PAUSE_S = 1.0

Object = dict[str, Any]


class RequestRefused(Exception):
    """The API server said no; the message says to what, and why."""


class Answer(Protocol):
    """What a transport gives: see `spo.real.transport.Answer`."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class Time(Protocol):
    """The passing of time, which a test may own."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class WallTime:
    """Implements `Time` by waiting."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Live:
    """Requests under one field manager. Raises RequestRefused for a no, Unavailable if no answer came for some time."""

    def __init__(self, send: Callable[[ApiRequest], Answer], manager: str, clock: Time) -> None:
        self._send = send
        self._manager = manager
        self.clock = clock

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object, or None if there is none of that name or kind."""
        return self._call(ApiRequest("GET", resource.path(namespace, name)))

    def list(self, resource: Resource, namespace: str = "", labels: str = "") -> list[Object]:
        """All of them; none if the server does not know the kind."""
        found: list[Object] = []
        query = [("limit", str(PAGE)), *([("labelSelector", labels)] if labels else [])]
        more = ""
        while True:
            token = [("continue", more)] if more else []
            page = self._call(ApiRequest("GET", resource.path(namespace), (*query, *token))) or {"items": []}
            found += page["items"]
            more = page.get("metadata", {}).get("continue", "")
            if not more:
                return found

    def apply(self, manifest: Mapping[str, Any]) -> bool:
        """Make the object be as the manifest says (server-side apply). False: the server does not know the kind yet."""
        return self._applied(manifest, ()) is not None

    def applied(self, manifest: Mapping[str, Any]) -> Object | None:
        """What the object would be like after `apply`; nothing is changed. None: the server does not know the kind."""
        return self._applied(manifest, (("dryRun", "All"),))

    def _applied(self, manifest: Mapping[str, Any], more: tuple[tuple[str, str], ...]) -> Object | None:
        resource, namespace, name = place(manifest)
        query = (("fieldManager", self._manager), ("force", "true"), *more)
        return self._call(
            ApiRequest("PATCH", resource.path(namespace, name), query, APPLY_PATCH, json.dumps(manifest).encode())
        )

    def merge(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]) -> bool:
        """Change some fields, whatever the version. False: it is gone."""
        query = (("fieldManager", self._manager),)
        body = json.dumps(patch).encode()
        return self._call(ApiRequest("PATCH", resource.path(namespace, name), query, MERGE_PATCH, body)) is not None

    def delete(self, resource: Resource, namespace: str, name: str, *, at_once: bool = False) -> bool:
        """Ask for the object's end; `at_once`: do not wait for a kubelet that may be gone. False: it is gone."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if at_once:
            options["gracePeriodSeconds"] = 0
        return (
            self._call(ApiRequest("DELETE", resource.path(namespace, name), (), JSON, json.dumps(options).encode()))
            is not None
        )

    def until(self, done: Callable[[], bool], patience_s: float) -> bool:
        """Look again and again. False: it was not so for `patience_s`."""
        deadline = self.clock.now() + patience_s
        while not done():
            if self.clock.now() >= deadline:
                return False
            self.clock.sleep(PAUSE_S)
        return True

    def _call(self, call: ApiRequest) -> Object | None:
        """One request, repeated where it may help: all of ours may be done twice. None: 404."""
        trouble = Unavailable("")
        for _ in range(ATTEMPTS):
            try:
                answer = self._send(call)
            except Unavailable as error:
                trouble = error
            else:
                if answer.status < 300:
                    found: Object = json.loads(answer.body)
                    return found
                if answer.status == 404:
                    return None
                text = status_of(answer.body).message or f"HTTP {answer.status}"
                if answer.status not in (408, 429) and answer.status < 500:
                    raise RequestRefused(f"{call.method} {call.path}: {text}")
                trouble = Unavailable(f"{call.method} {call.path}: {text}")
            self.clock.sleep(PAUSE_S)
        raise trouble


def place(manifest: Mapping[str, Any]) -> tuple[Resource, str, str]:
    """Kind, namespace and name of an object. Raises RequestRefused for a kind that commands do not handle."""
    resource = (OF_KUBERNETES | kinds.served()).get((manifest["apiVersion"], manifest["kind"]))
    if resource is None:
        raise RequestRefused(f"{manifest['apiVersion']} {manifest['kind']} is no kind that spo installs")
    metadata = manifest["metadata"]
    return resource, metadata.get("namespace", "") if resource.namespaced else "", metadata["name"]


def names(objects: Sequence[Mapping[str, Any]], shown: int = 5) -> str:
    """Some objects in words: `namespace/name`, and how many more."""
    return listed([_name(each["metadata"]) for each in objects], shown)


def _name(metadata: Mapping[str, Any]) -> str:
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])
