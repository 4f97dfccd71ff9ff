"""From method, path and query to what is asked of which object (RequestInfo of apiserver)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from spo.sim.api.status import bad_request

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_DURATION = re.compile(r"[-+]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")  # time.ParseDuration
_OF_NAMESPACES = frozenset({"finalize", "status"})  # sub-resources of a namespace, not collections in it


class Route(Struct, frozen=True):
    """What a request addresses. `plural` is empty for a path that names no resource (`/version`, `/apis/apps/v1`).

    `verb` is RBAC's (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`), empty for a
    method that has none; for a path without resource it is the method in lower case.
    """

    path: str
    verb: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def is_resource(self) -> bool:
        return bool(self.plural)


def truth(text: str | None) -> bool:
    """A boolean of a query, as apimachinery reads it: whatever is not `false` or `0` is true, even nothing."""
    return text is not None and text.lower() not in ("false", "0")


def check_timeout(query: Mapping[str, str]) -> None:
    """Refuse a `timeout` that is no duration; any other is kept, for no answer takes time. Raises ApiError 400."""
    text = query.get("timeout")
    if text and not _DURATION.fullmatch(text):
        why = f'time: invalid duration "{text}"'
        raise bad_request(f"invalid timeout specified in the request URL - {why}")


def route(method: str, path: str, query: Mapping[str, str]) -> Route:
    """Take a request apart. Never fails: what leads nowhere is found out by whoever looks for it."""
    found = _split(path)
    if found is None:
        return Route(path, method.lower())
    if found[3] == "watch" and not found[2] and found[4]:
        return _old_watch(method, path, query)
    name = found[4]
    return Route(path, _verb(method, name, query), *found)


def _old_watch(method: str, path: str, query: Mapping[str, str]) -> Route:
    """`/api/v1/watch/pods`: a watch, as it was asked for before there was `?watch=true`. Not of a single object."""
    inner = route(method, path.replace("/watch/", "/", 1), {**query, "watch": "true"})
    if inner.name or not inner.plural:
        return Route(path, method.lower())
    return Route(path, inner.verb, inner.group, inner.version, inner.namespace, inner.plural)


@lru_cache(1 << 12)
def _split(path: str) -> tuple[str, str, str, str, str, str] | None:
    """Group, version, namespace, plural, name and sub-resource; None if the path names no resource."""
    parts = path.rstrip("/").split("/")[1:]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if "" in rest:
        return None

    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
            rest = rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    return group, version, namespace, rest[0], name, "/".join(rest[2:])


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    verb = _VERBS.get(method, "")
    if name:
        return verb
    if verb == "get":
        return "watch" if truth(query.get("watch")) else "list"
    return "deletecollection" if verb == "delete" else verb
