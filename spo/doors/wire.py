"""How an intent looks as an HTTP request, and what the answer's failure means: the same in both worlds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from spo.doors.ports import Conflict, Forbidden, Invalid, Unavailable, WorldError
from spo.intents import Apply, ClusterIntent, Create, Delete, Manifest, Patch

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
JSON = "application/json"


Traffic = Callable[[int, int, int], None]  # told of: requests, bytes sent, bytes received (bodies and lines)


def unheeded(requests: int, sent: int, received: int) -> None:
    """Nobody counts."""


class ApiRequest(Struct, frozen=True):
    """One request to the API server, without host and credentials."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    content_type: str = ""
    body: bytes = b""


class _Cause(Struct, frozen=True):
    reason: str = ""


class _StatusDetails(Struct, frozen=True, rename="camel"):
    causes: tuple[_Cause, ...] = ()
    retry_after_seconds: float = 0.0


class Status(Struct, frozen=True):
    """The body of a refusal, in the part that we read."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: _StatusDetails = _StatusDetails()


def call_of(intent: ClusterIntent, manager: str) -> ApiRequest:
    """The request that carries out `intent`; `manager` is the role's field manager."""
    # Strict: a field of ours that the server does not know is our own bug, and must not be pruned in silence.
    strict = (("fieldManager", manager), ("fieldValidation", "Strict"))
    match intent:
        case Create(resource, namespace, _, manifest):
            return ApiRequest("POST", resource.path(namespace), strict, JSON, _body(manifest))
        case Apply(resource, namespace, name, manifest):
            query = (("fieldManager", manager), ("force", "true"))
            return ApiRequest("PATCH", resource.path(namespace, name), query, APPLY_PATCH, _body(manifest))
        case Patch(resource, namespace, name, patch, version, subresource):
            body = _body(_at_version(patch, version))
            return ApiRequest("PATCH", resource.path(namespace, name, subresource), strict, MERGE_PATCH, body)
        case Delete(resource, namespace, name, uid, version):
            preconditions = {"uid": uid, **({"resourceVersion": version} if version else {})}
            options = {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": preconditions,
                "propagationPolicy": "Background",
            }
            return ApiRequest("DELETE", resource.path(namespace, name), (), JSON, _body(options))


def failure_of(intent: ClusterIntent, code: int, body: bytes) -> WorldError | None:
    """What an answer means for who asked; `None` if it was carried out."""
    if code < 300 or (code == 404 and isinstance(intent, Delete)):  # gone already is what we asked for
        return None
    status = status_of(body)
    text = status.message or f"HTTP {code}"
    if code in (404, 409) or any(cause.reason == "NamespaceTerminating" for cause in status.details.causes):
        return Conflict(text)
    if code in (401, 408, 429) or code >= 500:
        return Unavailable(text, status.details.retry_after_seconds)
    return Forbidden(text) if code == 403 else Invalid(text)


def status_of(body: bytes) -> Status:
    try:
        return msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Status(message=body[:200].decode("utf-8", "replace").strip())


def _at_version(patch: Manifest, version: str) -> Manifest:
    metadata: dict[str, Any] = {**patch.get("metadata", {}), "resourceVersion": version}
    return {**patch, "metadata": metadata}


def _body(manifest: Manifest) -> bytes:
    return json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode()
