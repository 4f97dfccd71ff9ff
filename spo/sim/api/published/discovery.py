"""What is served, for clients to find out: groups, resources, version and health. A document keeps its ETag: 304."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from spo.sim.api.call import answer_object, header
from spo.sim.api.encoding.negotiation import DISCOVERY, choices, form_of, not_acceptable, retyped
from spo.sim.api.http import Request, Response
from spo.sim.api.kinds import Kind
from spo.sim.api.published import openapi
from spo.sim.api.resources import Registry, Served
from spo.sim.api.status import ApiError
from spo.sim.api.verbs.subresources import REFUSED

Object = dict[str, Any]

TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
HEALTHY = Response(200, TEXT, b"ok")
_HEALTH = ("/healthz", "/livez", "/readyz")
# All is well from the start; these are the names under which a real server says so (its log of /readyz?verbose).
_CHECKS = (
    "ping", "log", "etcd", "informer-sync",
    *("poststarthook/" + hook for hook in (
        "start-apiserver-admission-initializer", "generic-apiserver-start-informers", "storage-readiness",
        "start-apiextensions-informers", "start-apiextensions-controllers", "crd-informer-synced",
        "start-system-namespaces-controller", "start-service-ip-repair-controllers", "bootstrap-controller",
        "rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes",
        "start-cluster-authentication-info-controller", "start-kube-aggregator-informers",
        "apiservice-status-local-available-controller", "apiservice-status-remote-available-controller",
        "apiservice-registration-controller", "kube-apiserver-autoregistration", "apiservice-openapi-controller",
        "apiservice-discovery-controller",
    )),
    "autoregister-completion",
)  # fmt: skip
_AGGREGATED = "apidiscovery.k8s.io/v2"
_AGGREGATED_TYPE = f"application/json;g=apidiscovery.k8s.io;v=v2;as={DISCOVERY}"
_CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
_READ_WRITE = ("get", "patch", "update")
_ANY = ("create", "delete", "get", "patch", "update")
# What can be done with sub-resources, and which kind they speak of if it is not their resource's: `group/version.Kind`.
_SUB: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("*", "status"): (_READ_WRITE, ""),
    ("*", "scale"): (_READ_WRITE, "autoscaling/v1.Scale"),
    ("certificatesigningrequests", "approval"): (_READ_WRITE, ""),
    ("namespaces", "finalize"): (("update",), ""),
    ("nodes", "proxy"): (_ANY, "NodeProxyOptions"),
    ("services", "proxy"): (_ANY, "ServiceProxyOptions"),
    ("serviceaccounts", "token"): (("create",), "authentication.k8s.io/v1.TokenRequest"),
    ("pods", "attach"): (("create", "get"), "PodAttachOptions"),
    ("pods", "binding"): (("create",), "Binding"),
    ("pods", "ephemeralcontainers"): (_READ_WRITE, ""),
    ("pods", "eviction"): (("create",), "policy/v1.Eviction"),
    ("pods", "exec"): (("create", "get"), "PodExecOptions"),
    ("pods", "log"): (("get",), ""),
    ("pods", "portforward"): (("create", "get"), "PodPortForwardOptions"),
    ("pods", "proxy"): (_ANY, "PodProxyOptions"),
    ("pods", "resize"): (_READ_WRITE, ""),
}
_STORED_AS = {  # kinds that a real server keeps in etcd in another group or version than it serves
    "events.k8s.io/v1/Event": "/v1/Event",
    "apiextensions.k8s.io/v1/CustomResourceDefinition": "apiextensions.k8s.io/v1beta1/CustomResourceDefinition",
}
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
    if path.startswith("/openapi/"):
        published = openapi.answer(registry, request, path)
        return None if published is None else _unless_known(request, published)
    found = _document(registry, path)
    if found is None:
        return None
    if request.method != "GET":
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})
    if path in ("/api", "/apis") and _wants_all(request):
        body = msgspec.json.encode(_aggregated(registry, path))
        return _unless_known(request, retyped(answer_object(200, {}), _AGGREGATED_TYPE, body))
    if form_of(request) is None:
        raise not_acceptable("only the following media types are accepted: application/json")
    return answer_object(200, found)


def _unless_known(request: Request, response: Response) -> Response:
    """The answer with an ETag; 304 if the client has just that already."""
    tag = f'"{hashlib.sha512(response.body).hexdigest().upper()}"'
    headers = (*response.headers, ("Etag", tag), ("Vary", "Accept"))
    if tag in header(request.headers, "If-None-Match"):
        return Response(304, headers[1:])
    return Response(response.status, headers, response.body)


def _wants_all(request: Request) -> bool:
    """Is everything in one document what the client likes best, of what we have?"""
    for form in choices(header(request.headers, "Accept")):
        if form.media == "json" and (form.kind, form.version) in ((DISCOVERY, _AGGREGATED), ("", "")):
            return bool(form.kind)
    return False


def _verbose(health: str) -> Response:
    lines = [f"[+]{check} ok" for check in _CHECKS] + [f"{health[1:]} check passed", ""]
    return Response(200, TEXT, "\n".join(lines).encode())


def _document(registry: Registry, path: str) -> Object | None:
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


def _of_version(registry: Registry, group: str, version: str) -> list[Served]:
    """The built-in ones by name, custom ones in the order of their making."""
    found = [s for s in registry.all() if (s.kind.resource.group, s.kind.resource.version) == (group, version)]
    return sorted(found, key=lambda served: "" if served.kind.custom else served.kind.resource.plural)


def _resources(registry: Registry, group: str, version: str) -> Object | None:
    found: list[Object] = []
    for served in _of_version(registry, group, version):
        kind = served.kind
        about: Object = {
            "name": kind.resource.plural,
            "singularName": _singular(kind),
            "namespaced": kind.resource.namespaced,
            "kind": kind.resource.kind,
            "verbs": _verbs(kind),
            **_nicknames(kind),
        }
        if "get" in about["verbs"]:
            about["storageVersionHash"] = _storage_hash(kind)
        found.append(about)
        for name, verbs, api_version, of_kind in _subresources(kind):
            below: Object = {"name": f"{kind.resource.plural}/{name}", "singularName": ""}
            below["namespaced"] = kind.resource.namespaced
            if api_version:
                below["group"], _, below["version"] = api_version.partition("/")
            found.append({**below, "kind": of_kind, "verbs": verbs})
    if not found:
        return None
    about = {"kind": "APIResourceList", "groupVersion": f"{group}/{version}" if group else version, "resources": found}
    return {"kind": about.pop("kind"), "apiVersion": "v1", **about} if group else about


def _singular(kind: Kind) -> str:
    return kind.singular or kind.resource.kind.lower()


def _verbs(kind: Kind) -> list[str]:
    return _CUSTOM_VERBS if kind.custom else list(kind.verbs)


def _nicknames(kind: Kind) -> Object:
    more = {"shortNames": list(kind.short_names), "categories": list(kind.categories)}
    return {name: values for name, values in more.items() if values}


def _storage_hash(kind: Kind) -> str:
    stored = f"{kind.resource.group}/{kind.resource.version}/{kind.resource.kind}"
    stored = _STORED_AS.get(stored, stored)
    return base64.b64encode(hashlib.sha256(stored.encode()).digest()[:8]).decode()


def _subresources(kind: Kind) -> Iterator[tuple[str, list[str], str, str]]:
    """Name, verbs, and the version (if it is another's) and kind they speak of."""
    plural = kind.resource.plural
    refused = () if kind.custom or kind.resource.group else REFUSED.get(plural, ())
    names = sorted({*kind.subresources, *refused}, reverse=kind.custom)  # custom: status before scale
    for name in names:
        verbs, speaks_of = _SUB.get((plural, name)) or _SUB["*", name]
        api_version, _, other = speaks_of.rpartition(".")
        yield name, list(verbs), api_version, other or kind.resource.kind


# -- all in one document -----------------------------------------------------------------------------------------


def _aggregated(registry: Registry, path: str) -> Object:
    groups = {"": ["v1"]} if path == "/api" else _groups(registry)
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [_version(registry, group, version) for version in versions],
        }
        for group, versions in groups.items()
    ]
    return {"kind": DISCOVERY, "apiVersion": _AGGREGATED, "metadata": {}, "items": items}


def _version(registry: Registry, group: str, version: str) -> Object:
    resources = []
    for served in _of_version(registry, group, version):
        kind = served.kind
        own = kind.resource.api_version if kind.custom else ""  # a real server leaves it out of its own kinds, too
        about: Object = {
            "resource": kind.resource.plural,
            "responseKind": _kind(own, kind.resource.kind),
            "scope": "Namespaced" if kind.resource.namespaced else "Cluster",
            "singularResource": _singular(kind),
            "verbs": _verbs(kind),
            **_nicknames(kind),
        }
        below = [
            {"subresource": name, "responseKind": _kind(api_version or own, of_kind), "verbs": verbs}
            for name, verbs, api_version, of_kind in _subresources(kind)
        ]
        resources.append({**about, "subresources": below} if below else about)
    return {"version": version, "resources": resources, "freshness": "Current"}


def _kind(api_version: str, kind: str) -> Object:
    group, _, version = api_version.rpartition("/")
    return {"group": group, "version": version, "kind": kind}
