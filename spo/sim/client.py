"""A client of the simulated API server on plain dicts: for controllers, kubelets, fixtures and users at a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from spo.model.resource import Resource
from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.status import ApiError

Object = dict[str, Any]

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Api(Protocol):
    """What a client needs of an API server."""

    def handle(self, request: Request) -> Response: ...


class Client:
    """Each call is one request. Refusals are raised as ApiError, as the server put them."""

    def __init__(self, api: Api, token: str, agent: str = "", *, impersonate: str = "") -> None:
        self._api = api
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if agent:
            self._headers["User-Agent"] = agent
        if impersonate:
            self._headers["Impersonate-User"] = impersonate

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return self.call("GET", resource.path(namespace, name))

    def list(self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Object]:
        query = [("labelSelector", labels)] if labels else []
        query += [("fieldSelector", fields)] if fields else []
        items: list[Object] = self.call("GET", resource.path(namespace), query=tuple(query))["items"]
        return items

    def watch(self, resource: Resource, namespace: str = "", *, version: str = "", fields: str = "") -> Stream:
        """Lines from now on, or after `version`; `stream.lines` fills by itself."""
        query = [("watch", "true")] + ([("resourceVersion", version)] if version else [])
        query += [("fieldSelector", fields)] if fields else []
        response = self.send("GET", resource.path(namespace), query=tuple(query))
        assert response.stream is not None
        return response.stream

    def create(self, resource: Resource, obj: Object, namespace: str = "", subresource: str = "") -> Object:
        """`namespace` where the object does not say it. With a sub-resource: of the object of that name."""
        space = obj["metadata"].get("namespace", namespace)
        name = obj["metadata"]["name"] if subresource else ""
        return self.call("POST", resource.path(space, name, subresource), obj)

    def update(self, resource: Resource, obj: Object, subresource: str = "") -> Object:
        metadata = obj["metadata"]
        return self.call("PUT", resource.path(metadata.get("namespace", ""), metadata["name"], subresource), obj)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        how: str = "merge",
        subresource: str = "",
    ) -> Object:
        """`how`: merge, json or strategic."""
        path = resource.path(namespace, name, subresource)
        return self.call("PATCH", path, patch, content_type=PATCH_TYPES[how])

    def apply(self, resource: Resource, obj: Object, *, manager: str = "kubectl", force: bool = False) -> Object:
        """Server-side apply."""
        metadata = obj["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        query = (("fieldManager", manager), ("force", "true" if force else "false"))
        return self.call("PATCH", path, obj, query=query, content_type=PATCH_TYPES["apply"])

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str = "",
        version: str = "",
        grace_s: int | None = None,
        policy: str = "",
    ) -> Object:
        """With `uid` or `version`: only that very object. `policy`: Background, Foreground or Orphan."""
        options: Object = {}
        if uid or version:
            options["preconditions"] = {k: v for k, v in (("uid", uid), ("resourceVersion", version)) if v}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        if policy:
            options["propagationPolicy"] = policy
        return self.call("DELETE", resource.path(namespace, name), options or None)

    def delete_all(self, resource: Resource, namespace: str) -> Object:
        """Delete the collection; what its objects own goes with them."""
        return self.call("DELETE", resource.path(namespace), {"propagationPolicy": "Background"})

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: tuple[tuple[str, str], ...] = (),
        content_type: str = "application/json",
    ) -> Object:
        """One request and its decoded answer."""
        response = self.send(method, path, body, query=query, content_type=content_type)
        answer: Object = msgspec.json.decode(response.body)
        return answer

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: tuple[tuple[str, str], ...] = (),
        content_type: str = "application/json",
    ) -> Response:
        headers = self._headers if body is None else {**self._headers, "Content-Type": content_type}
        data = b"" if body is None else msgspec.json.encode(body)
        response = self._api.handle(Request(method, path, query, headers, data))
        if response.status >= 400:
            raise _refusal(response)
        return response


def _refusal(response: Response) -> ApiError:
    try:
        status = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        status = {"message": response.body.decode(errors="replace").strip()}
    return ApiError(
        response.status,
        status.get("reason", ""),
        status.get("message", ""),
        status.get("details"),
        response.headers,
    )
