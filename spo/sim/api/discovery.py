"""What is served, for clients to find out: groups, resources, version and health. Nothing aggregated, no OpenAPI."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from spo.sim.api.call import answer_object, header
from spo.sim.api.http import Request, Response
from spo.sim.api.negotiation import accepted
from spo.sim.api.resources import Registry, Served
from spo.sim.api.status import ApiError

Object = dict[str, Any]

TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
HEALTHY = Response(200, TEXT, b"ok")
_HEALTH = ("/healthz", "/livez", "/readyz")
_CHECKS = ("ping", "log", "etcd")
_CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
_SUB_VERBS = {"status": ["get", "patch", "update"], "scale": ["get", "patch", "update"], "finalize": ["update"]}
VERSION: Object = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3",
    "gitCommit": "$Format:%H$",
    "gitTreeState": "",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.26.8",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def answer_path(registry: Registry, request: Request) -> Response | None:
    """The answer at a path that names no resource; None if there is nothing. Raises ApiError 405 or 406."""
    path = request.path.rstrip("/") or "/"
    health = next((root for root in _HEALTH if path == root or path.startswith(root + "/")), None)
    if health is not None:
        if path != health and path.removeprefix(health + "/") not in _CHECKS:
            return None
        return _verbose(health) if any(name == "verbose" for name, _ in request.query) else HEALTHY
    found = _document(registry, request.path, path)
    if found is None:
        return None
    if request.method != "GET":
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
    if not accepted(header(request.headers, "Accept")):
        raise ApiError(406, "NotAcceptable", "only the following media types are accepted: application/json", {})
    return answer_object(200, found)


def _verbose(health: str) -> Response:
    lines = [f"[+]{check} ok" for check in _CHECKS] + [f"{health[1:]} check passed", ""]
    return Response(200, TEXT, "\n".join(lines).encode())


def _document(registry: Registry, asked: str, path: str) -> Object | None:
    if path == "/":
        groups = _groups(registry)
        return {"paths": ["/api", "/api/v1", "/apis"] + [f"/apis/{group}" for group in groups] + _versions(groups)}
    if path == "/version":
        return VERSION
    if path == "/api":
        where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443"}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}
    if path == "/apis":
        groups = _groups(registry)
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, groups[name]) for name in groups]}
    parts = path.split("/")[1:]
    if parts == ["api", "v1"]:
        return _resources(registry, "", "v1")
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in (groups := _groups(registry)):
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], groups[parts[1]])}
    if parts[0] == "apis" and len(parts) == 3:
        return _resources(registry, parts[1], parts[2])
    return None


def _groups(registry: Registry) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for served in registry.all():
        resource = served.kind.resource
        versions = groups.setdefault(resource.group, [])
        if resource.version not in versions:
            versions.append(resource.version)
    groups.pop("", None)
    return groups


def _versions(groups: dict[str, list[str]]) -> list[str]:
    return [f"/apis/{group}/{version}" for group, versions in groups.items() for version in versions]


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resources(registry: Registry, group: str, version: str) -> Object | None:
    found: list[Object] = []
    for served in registry.all():
        resource = served.kind.resource
        if (resource.group, resource.version) == (group, version):
            found.append(_resource(served))
            found += [_subresource(served, name) for name in _ordered(served)]
    if not found:
        return None
    about = {"kind": "APIResourceList", "groupVersion": f"{group}/{version}" if group else version, "resources": found}
    return {"kind": about.pop("kind"), "apiVersion": "v1", **about} if group else about


def _ordered(served: Served) -> list[str]:
    names = sorted(served.kind.subresources)
    return names[::-1] if served.kind.custom else names  # status before scale


def _resource(served: Served) -> Object:
    kind = served.kind
    about: Object = {
        "name": kind.resource.plural,
        "singularName": kind.singular or kind.resource.kind.lower(),
        "namespaced": kind.resource.namespaced,
        "kind": kind.resource.kind,
        "verbs": _CUSTOM_VERBS if kind.custom else list(kind.verbs),
    }
    if kind.short_names:
        about["shortNames"] = list(kind.short_names)
    if kind.categories:
        about["categories"] = list(kind.categories)
    stored = f"{kind.resource.group}/{kind.resource.version}/{kind.resource.kind}"
    about["storageVersionHash"] = base64.b64encode(hashlib.sha256(stored.encode()).digest()[:8]).decode()
    return about


def _subresource(served: Served, name: str) -> Object:
    kind = served.kind
    about: Object = {
        "name": f"{kind.resource.plural}/{name}",
        "singularName": "",
        "namespaced": kind.resource.namespaced,
    }
    if name == "scale":
        about |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    else:
        about["kind"] = kind.resource.kind
    return {**about, "verbs": _SUB_VERBS.get(name, ["create"])}
