"""Which form an answer takes: JSON, or YAML for who asks for it. Other forms are refused by name."""

from __future__ import annotations

import gzip
from functools import lru_cache

import msgspec

from spo.sim.api.call import Call, header
from spo.sim.api.http import Request, Response
from spo.sim.api.status import ApiError

GZIP_FROM_BYTES = 128 * 1024
_JSON = ("application/json", "*/*", "application/*")
_YAML = "application/yaml"
_OFFERED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_OFFERED_WATCH = f"{_OFFERED}, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"


@lru_cache(256)  # clients have few habits
def accepted(accept: str) -> str:
    """The first form of an `Accept` header that we have: `json` or `yaml`; empty if there is none."""
    if not accept.strip():
        return "json"
    for choice in accept.split(","):
        media_type, *parameters = (part.strip() for part in choice.split(";"))
        if any(parameter.startswith("as=") for parameter in parameters):
            continue  # Table, PartialObjectMetadata, APIGroupDiscoveryList: not yet
        if media_type in _JSON:
            return "json"
        if media_type == _YAML:
            return "yaml"
    return ""


def check_accepted(call: Call) -> None:
    """Raises ApiError 406 if we cannot answer in any form the client reads."""
    if accepted(header(call.request.headers, "Accept")):
        return
    if call.served.kind.custom or call.route.verb == "watch":
        text = f"only the following media types are accepted: {_OFFERED}"
        raise ApiError(406, "NotAcceptable", text)
    text = f"406: Not Acceptable\n\nAvailable representations: {_OFFERED_WATCH}"
    raise ApiError(406, "NotAcceptable", text, {})


def translated(request: Request, response: Response) -> Response:
    """The answer in YAML, and compressed, if that was asked for."""
    if not response.body or response.stream:
        return response
    if accepted(header(request.headers, "Accept")) == "yaml":
        response = _in_yaml(response)
    if len(response.body) > GZIP_FROM_BYTES and "gzip" in header(request.headers, "Accept-Encoding"):
        headers = (*response.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
        response = Response(response.status, headers, gzip.compress(response.body, 4, mtime=0))
    return response


def _in_yaml(response: Response) -> Response:
    if ("Content-Type", "application/json") not in response.headers:
        return response
    from spo.sim.api.yaml11 import dump

    others = tuple(pair for pair in response.headers if pair[0] != "Content-Type")
    body = dump(msgspec.json.decode(response.body))
    return Response(response.status, (("Content-Type", _YAML), *others), body)
