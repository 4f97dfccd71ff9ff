"""Which form an answer takes: what the `Accept` header asks for, of what we have; anything else is refused by name."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import lru_cache

import msgspec
from msgspec import Struct

from spo.sim.api.call import Call, header
from spo.sim.api.encoding.bodies import PROTOBUF
from spo.sim.api.http import Request, Response
from spo.sim.api.status import ApiError

GZIP_FROM_BYTES = 128 * 1024
TABLE, PARTIAL, PARTIALS = "Table", "PartialObjectMetadata", "PartialObjectMetadataList"
DISCOVERY = "APIGroupDiscoveryList"
_MEDIA = {
    "application/json": "json",
    "*/*": "json",
    "application/*": "json",
    "application/yaml": "yaml",
    PROTOBUF: "protobuf",
}
_META = ("meta.k8s.io/v1", "meta.k8s.io/v1beta1")
_VIEWS = {("json", kind, version) for kind in (TABLE, PARTIAL, PARTIALS) for version in _META}
_VIEWS |= {("protobuf", kind, "meta.k8s.io/v1") for kind in (PARTIAL, PARTIALS)}
_OFFERED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_OFFERED_WATCH = f"{_OFFERED}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"


class Form(Struct, frozen=True):
    """What an answer looks like: its encoding, and perhaps what it is turned into first."""

    media: str  # json, yaml, protobuf
    kind: str = ""  # Table, PartialObjectMetadata, …; empty: as it is
    version: str = ""  # of that kind, with its group


JSON = Form("json")


@lru_cache(256)  # clients have few habits
def choices(accept: str) -> tuple[Form, ...]:
    """All forms of an `Accept` header that we could give somewhere, the most wanted first."""
    if not accept.strip():
        return (JSON,)
    ranked = sorted(_parsed(accept), key=lambda found: -found[0])  # by `q`; the rest keeps its order
    return tuple(form for _, form in ranked)


def _parsed(accept: str) -> Iterator[tuple[float, Form]]:
    for choice in accept.split(","):
        media_type, *parameters = (part.strip() for part in choice.split(";"))
        media = _MEDIA.get(media_type.lower())
        if media is None:
            continue
        pairs = dict(parameter.partition("=")[::2] for parameter in parameters)
        kind = pairs.get("as", "")
        yield _number(pairs.get("q", "1")), Form(media, kind, f"{pairs.get('g')}/{pairs.get('v')}" if kind else "")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def form_of(request: Request, *, of_resource: bool = False, protobuf: bool = False) -> Form | None:
    """The form to answer in; None if there is no such. Whole objects are given in protobuf to those only who read
    nothing else: they are kept as JSON. Of metadata, clients of Go rely on getting it.
    """
    possible = [
        form
        for form in choices(header(request.headers, "Accept"))
        if not form.kind or (of_resource and (form.media, form.kind, form.version) in _VIEWS)
    ]
    plain = next((form for form in possible if form.kind or form.media != "protobuf"), None)
    return plain or (possible[0] if possible and protobuf else None)


def resource_form(call: Call) -> Form:
    """The form of an answer about objects. Raises ApiError 406."""
    kind = call.served.kind
    found = form_of(call.request, of_resource="get" in kind.verbs, protobuf=not kind.custom)
    if found is not None:
        return found
    if kind.custom or "get" not in kind.verbs or call.route.verb == "watch":
        raise not_acceptable()
    text = f"406: Not Acceptable\n\nAvailable representations: {_OFFERED_WATCH}"
    raise ApiError(406, "NotAcceptable", text, {})


def not_acceptable(why: str = f"only the following media types are accepted: {_OFFERED}") -> ApiError:
    return ApiError(406, "NotAcceptable", why)


def encoded(request: Request, response: Response) -> Response:
    """The answer in YAML or protobuf, and compressed, if that was asked for."""
    if not response.body or response.stream:
        return response
    form = form_of(request, of_resource=response.status < 400, protobuf=True)
    if form is not None and form.media != "json" and ("Content-Type", "application/json") in response.headers:
        response = _IN[form.media](response)
    if len(response.body) > GZIP_FROM_BYTES and "gzip" in header(request.headers, "Accept-Encoding"):
        headers = (*response.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
        response = Response(response.status, headers, gzip.compress(response.body, 4, mtime=0))
    return response


def retyped(response: Response, media_type: str, body: bytes) -> Response:
    """The same answer with another body, or another kind of lines in its stream."""
    others = tuple(pair for pair in response.headers if pair[0] != "Content-Type")
    return Response(response.status, (("Content-Type", media_type), *others), body, response.stream)


def _in_yaml(response: Response) -> Response:
    from spo.sim.api.encoding.yaml11 import dump  # PyYAML is slow to import, and rarely needed

    return retyped(response, "application/yaml", dump(msgspec.json.decode(response.body)))


def _in_protobuf(response: Response) -> Response:
    from spo.sim.api.encoding.protobuf import encode  # as rare

    body = encode(msgspec.json.decode(response.body))
    return response if body is None else retyped(response, PROTOBUF, body)


_IN = {"yaml": _in_yaml, "protobuf": _in_protobuf}
