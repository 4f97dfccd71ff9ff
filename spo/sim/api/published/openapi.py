"""OpenAPI: an index and a document for each group and version (v3), or one of everything (v2); all are cached."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from spo.sim.api.call import header
from spo.sim.api.http import Request, Response
from spo.sim.api.published import openapi_paths, openapi_schemas
from spo.sim.api.published.gnostic import encode
from spo.sim.api.resources import Registry, Served

Object = dict[str, Any]

_ROOT = "/openapi/v3"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_PROTOBUF_ASKED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # `@` is not allowed there
_TITLES = {False: ("Kubernetes", "1.36"), True: ("Kubernetes CRD Swagger", "v0.1.0")}
_CACHED_MAX = 256

_cache: dict[tuple[str, tuple[int, ...]], tuple[list[Served], bytes]] = {}


def answer(registry: Registry, request: Request, path: str) -> Response | None:
    """A document; None if there is no such."""
    if path == _ROOT:
        return _response(_TEXT, msgspec.json.encode({"paths": _index(registry)}))
    if path == "/openapi/v2":
        if _PROTOBUF_ASKED in header(request.headers, "Accept"):
            return _response(_PROTOBUF, _cached("v2+protobuf", registry.all()))
        return _response(_JSON, _cached("v2", registry.all()))
    kinds = _by_path(registry).get(path.removeprefix(_ROOT + "/"))
    return _response(_JSON, _cached("v3", kinds)) if kinds else None


def _response(media_type: str, body: bytes) -> Response:
    return Response(200, (("Content-Type", media_type),), body)


def _by_path(registry: Registry) -> dict[str, list[Served]]:
    found: dict[str, list[Served]] = {}
    for served in registry.all():
        resource = served.kind.resource
        root = f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"
        found.setdefault(root, []).append(served)
    return found


def _index(registry: Registry) -> Object:
    index = {}
    for path, kinds in _by_path(registry).items():
        digest = hashlib.sha512(_cached("v3", kinds)).hexdigest().upper()
        index[path] = {"serverRelativeURL": f"{_ROOT}/{path}?hash={digest}"}
    return index


def _cached(form: str, kinds: list[Served]) -> bytes:
    """The document of some kinds. What is served is never changed, only replaced."""
    place = (form, tuple(id(served) for served in kinds))
    found = _cache.get(place)
    if found is None:
        # The kinds are kept as well, so that no other can take their ids.
        found = _cache[place] = (kinds, _FORMS[form](kinds))
        while len(_cache) > _CACHED_MAX:
            del _cache[next(iter(_cache))]
    return found[1]


def _v3(kinds: list[Served]) -> bytes:
    title, version = _TITLES[kinds[0].kind.custom]
    paths = {path: item for served in kinds for path, item in openapi_paths.paths(served)}
    document = {
        "openapi": "3.0.0",
        "info": {"title": title, "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": openapi_schemas.schemas(kinds)},
    }
    return msgspec.json.encode(document)


def _document_v2(kinds: list[Served]) -> Object:
    title, version = _TITLES[False]
    paths = {path: openapi_paths.as_v2(item) for served in kinds for path, item in openapi_paths.paths(served)}
    schemas = openapi_schemas.schemas(kinds)
    return {
        "swagger": "2.0",
        "info": {"title": title, "version": version},
        "paths": dict(sorted(paths.items())),
        "definitions": {name: openapi_schemas.definition_v2(schema) for name, schema in schemas.items()},
    }


_FORMS: dict[str, Callable[[list[Served]], bytes]] = {
    "v3": _v3,
    "v2": lambda kinds: msgspec.json.encode(_document_v2(kinds)),
    "v2+protobuf": lambda kinds: encode(_document_v2(kinds)),
}
