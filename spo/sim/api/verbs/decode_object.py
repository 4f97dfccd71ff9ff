"""From a request's body to an object of the kind that was asked for, or the refusal the API server would give."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from spo.sim.api import metadata
from spo.sim.api.call import Call, quoted
from spo.sim.api.encoding import bodies
from spo.sim.api.kinds import Kind, Undecodable
from spo.sim.api.status import ApiError, FieldError, bad_request, invalid

Object = dict[str, Any]

_SCHEME = "pkg/runtime/scheme.go:111"


def take(call: Call) -> Object:
    """The object in the body of a POST or PUT, pruned and defaulted. Raises ApiError 400, 413, 415."""
    kind, body = call.served.kind, call.request.body
    bodies.check_size(body)
    name = kind.resource.kind
    if kind.custom and call.media_type == bodies.PROTOBUF:
        raise bodies.unsupported_media()  # a real server panics, and drops the connection
    obj = bodies.decode_struct(body, call.media_type, name, or_null=True)
    repeated = bodies.repeated(body, obj)
    problems = [f'duplicate field "{path}"' for path in bodies.duplicates(repeated)]
    if kind.custom:
        obj = bodies.untyped(obj, body)
    elif repeated is not None:
        obj = bodies.joined(repeated)
    _check_type(call, kind, obj)
    try:
        problems += fit(kind, obj)
    except (Undecodable, metadata.WrongType) as fault:
        raise bad_request(_cannot(kind, obj) + str(fault)) from None
    if repeated is not None and not kind.custom:
        problems = bodies.in_order(problems, repeated)
    if problems and call.validation == "Strict":
        raise bad_request(_cannot(kind, obj) + "strict decoding error: " + ", ".join(problems))
    warn(call, problems)
    return obj


def take_patched(
    call: Call, obj: Object, shown: Callable[[], str], untouched: Collection[str] = (), keep_nulls: bool = False
) -> Object:
    """The outcome of a patch, taken in like a body; `shown` gives what an error quotes. Raises ApiError 422.

    `untouched`: fields at the top that the patch left alone; they are not looked into again.
    """
    kind = call.served.kind
    try:
        if not kind.custom:
            _check_registered(kind, obj)
        problems = fit(kind, obj, keep_nulls, untouched)
    except (Undecodable, metadata.WrongType) as fault:
        raise patch_refused(shown(), str(fault)) from None
    if problems and call.validation == "Strict":
        raise patch_refused(shown(), "strict decoding error: " + ", ".join(problems))
    warn(call, problems)
    return obj


def fit(kind: Kind, obj: Object, keep_nulls: bool = False, untouched: Collection[str] = ()) -> list[str]:
    """Prune and default in place; gives a text for each field that is not known. Raises Undecodable or WrongType."""
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    unknown = [] if not isinstance(obj["metadata"], dict) else kind.unknown_fields(obj, untouched)
    unknown += [path for path in metadata.read(obj["metadata"], kind.custom) if path not in unknown]
    if not keep_nulls:
        kind.drop_nulls(obj)
    kind.default(obj)
    return [f'unknown field "{path}"' for path in unknown]


def warn(call: Call, problems: list[str]) -> None:
    if call.validation == "Warn":
        call.warnings += problems


def patch_refused(shown: str, why: str) -> ApiError:
    """422 for a patch whose outcome is no object of the kind."""
    error = FieldError("patch", "FieldValueInvalid", f"Invalid value: {quoted(shown)}: {why}")
    return invalid("", "", "", [error])


def check_named(call: Call, obj: Object) -> None:
    """An update must name the object of the URL, in its namespace (400)."""
    check_name(call, obj)
    check_namespace(call, obj)


def check_name(call: Call, obj: Object) -> None:
    """Raises ApiError 400."""
    name = obj["metadata"].get("name", "")
    if not name:
        wanted = call.route.name
        raise bad_request(f"the name of the object ({wanted} based on URL) was undeterminable: name must be provided")
    if name != call.route.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.route.name})")


def check_namespace(call: Call, obj: Object) -> None:
    """What stands in the body must be what stands in the URL, or nothing (400). Clients in Go write one into objects
    that have none, too: there it is taken away (registry/rest, EnsureObjectNamespaceMatchesRequestNamespace).
    """
    meta, wanted = obj["metadata"], call.key.namespace
    if not call.served.kind.resource.namespaced:
        meta.pop("namespace", None)
        return
    if meta.get("namespace", wanted) != wanted:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if wanted:
        meta["namespace"] = wanted


def type_faults(kind: Kind, obj: Object) -> list[FieldError]:
    """Custom resources are checked for their type only when they are validated."""
    for field, wanted in (("kind", kind.resource.kind), ("apiVersion", kind.resource.api_version)):
        if obj.get(field) != wanted:
            return [FieldError(field, "FieldValueInvalid", f'Invalid value: "{obj.get(field)}": must be {wanted}')]
    return []


def _check_type(call: Call, kind: Kind, obj: Object) -> None:
    wanted = kind.resource.api_version
    if not kind.custom:
        try:
            _check_registered(kind, obj)
        except Undecodable as fault:
            raise bad_request(_cannot(kind, obj) + str(fault)) from None
        return
    if "kind" not in obj:
        body = call.request.body
        why = f"Object 'Kind' is missing in '{body.decode('utf-8', 'replace')}'"
        raise bodies.unrecognized(kind.resource.kind, why, body)
    found = str(obj.get("apiVersion", ""))
    if found != wanted:
        if found.partition("/")[0] == kind.resource.group:
            # An unknown version of a known group is decoded as nothing but metadata, and says so.
            warn(call, [f'unknown field "{field}"' for field in obj if field not in ("apiVersion", "kind", "metadata")])
        raise bad_request(f"the API version in the data ({found}) does not match the expected API version ({wanted})")


def _check_registered(kind: Kind, obj: Object) -> None:
    found_kind = obj.setdefault("kind", kind.resource.kind)
    found_version = obj.setdefault("apiVersion", kind.resource.api_version)
    if (found_kind, found_version) != (kind.resource.kind, kind.resource.api_version):
        raise Undecodable(f'no kind "{found_kind}" is registered for version "{found_version}" in scheme "{_SCHEME}"')


def _cannot(kind: Kind, obj: Object) -> str:
    version = str(obj.get("apiVersion", "")).rpartition("/")[2]
    return f'{obj.get("kind")} in version "{version}" cannot be handled as a {kind.resource.kind}: '
