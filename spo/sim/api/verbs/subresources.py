"""What can be asked below an object, besides its status: scale, binding, eviction, token, finalize."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct, field

from spo.sim.api.access.reviews import AUDIENCE
from spo.sim.api.call import Call, answer_object
from spo.sim.api.encoding import bodies
from spo.sim.api.http import Response
from spo.sim.api.kinds import Scale
from spo.sim.api.resources import converted, shaped
from spo.sim.api.selectors import as_text
from spo.sim.api.status import STALE, ApiError, FieldError, bad_request, conflict, invalid, not_found
from spo.sim.api.verbs import decode_object
from spo.sim.api.verbs.deletion import DeleteOptions, Deleter
from spo.sim.api.verbs.eviction import check_budgets
from spo.sim.api.verbs.logs import Logs
from spo.sim.api.verbs.rest import JSON, MERGE, STRATEGIC, Rest, patched
from spo.sim.keys import Keys
from spo.sim.store import Record, StoreKey
from spo.sim.timeline import Timeline

Object = dict[str, Any]
Handlers = Mapping[tuple[str, str], Mapping[str, Callable[[Call], Response]]]

# A real server has them; to answer would need more of a container or a network than is simulated.
REFUSED: Mapping[str, tuple[str, ...]] = {
    "pods": ("attach", "ephemeralcontainers", "exec", "portforward", "proxy", "resize"),
    "nodes": ("proxy",),
    "services": ("proxy",),
}

SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
TOKEN_S, TOKEN_S_MIN, TOKEN_S_MAX = 3600, 600, 1 << 32


class Named(Struct):
    """Anything that is told by its name."""

    name: str | None = None
    kind: str | None = None


class Numbers(Struct):
    """The part of a Scale that can be written."""

    replicas: int | None = None


class TokenSpec(Struct):
    """What is asked of a TokenRequest."""

    seconds: int | None = field(default=None, name="expirationSeconds")
    audiences: list[str] | None = None
    bound: Named | None = field(default=None, name="boundObjectRef")


class Body(Struct):
    """What the bodies of sub-resources may hold; each kind uses its part."""

    metadata: Named | None = None
    target: Named | None = None  # Binding
    options: DeleteOptions | None = field(default=None, name="deleteOptions")  # Eviction


def handlers(rest: Rest, deleter: Deleter, timeline: Timeline, keys: Keys, logs: Logs) -> Handlers:
    """By plural (or `*`) and sub-resource, then by verb."""
    scales, pods = Scales(rest), PodVerbs(rest, deleter, timeline)
    return {
        ("*", "scale"): {"get": scales.get, "update": scales.update, "patch": scales.patch},
        ("namespaces", "finalize"): {"update": lambda call: finalize(rest, call)},
        ("pods", "binding"): {"create": pods.bind},
        ("pods", "eviction"): {"create": pods.evict},
        ("pods", "log"): {"get": logs.get},
        **{
            (plural, name): dict.fromkeys(("create", "delete", "get", "patch", "update"), partial(refuse, rest))
            for plural, names in REFUSED.items()
            for name in names
        },
        ("serviceaccounts", "token"): {"create": lambda call: make_token(rest, timeline, keys, call)},
    }


class Scales:
    """The number of replicas of anything that has one, as autoscaling/v1 Scale."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def get(self, call: Call) -> Response:
        return answer_object(200, _scale(call, converted(call.served, self._rest.record(call))))

    def update(self, call: Call) -> Response:
        call.check_write_options()
        scale = _decode(call, "Scale")
        bodies.fitted(scale.get("spec") or {}, Numbers)
        bodies.fitted(scale["metadata"], Named)
        decode_object.check_named(call, scale)
        return self._put(call, self._rest.record(call), scale)

    def patch(self, call: Call) -> Response:
        if call.media_type not in (MERGE, JSON, STRATEGIC) or (
            call.media_type == STRATEGIC and call.served.kind.custom
        ):
            raise bodies.unsupported_media(f"{JSON}, {MERGE}, application/apply-patch+yaml")
        call.check_write_options()
        record = self._rest.record(call)
        scale, shown, _ = patched(call, _scale(call, converted(call.served, record)))
        try:
            msgspec.convert(scale.get("spec") or {}, Numbers)
            msgspec.convert(scale.get("metadata"), Named)
        except msgspec.ValidationError as fault:
            raise decode_object.patch_refused(shown(), f"json: cannot unmarshal into a Scale: {fault}") from None
        return self._put(call, record, scale)

    def _put(self, call: Call, record: Record, scale: Object) -> Response:
        paths = call.served.kind.scale
        assert paths is not None
        obj = converted(call.served, record)
        _put_at(obj, paths.spec_replicas, (scale.get("spec") or {}).get("replicas") or 0)
        wanted = scale["metadata"].get("resourceVersion")
        obj["metadata"]["resourceVersion"] = wanted or str(record.revision)
        response = self._rest.replace(call, record, obj)
        return answer_object(response.status, _scale(call, msgspec.json.decode(response.body)), call.warnings)


def _scale(call: Call, obj: Object) -> Object:
    paths: Scale | None = call.served.kind.scale
    assert paths is not None
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = _at(obj, paths.spec_replicas) or 0
    status: Object = {"replicas": _at(obj, paths.status_replicas) or 0}
    selector = _at(obj, paths.selector) if paths.selector else None
    if selector and paths.plain_selector:
        selector = {"matchLabels": selector}
    if selector:
        status["selector"] = selector if isinstance(selector, str) else as_text(selector)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in kept if name in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


class PodVerbs:
    """To put a pod on a node, and to ask it to leave."""

    def __init__(self, rest: Rest, deleter: Deleter, timeline: Timeline) -> None:
        self._rest = rest
        self._deleter = deleter
        self._timeline = timeline

    def bind(self, call: Call) -> Response:
        """Assign a node, once (registry/core/pod, BindingREST)."""
        call.check_write_options()
        target = bodies.fitted(_decode(call, "Binding"), Body).target
        node = target.name if target else ""
        if not node:
            error = FieldError("target.name", "FieldValueRequired", "Required value")
            raise invalid("Binding", "", call.route.name, [error])
        record = self._rest.record(call)
        pod = converted(call.served, record)
        name = call.route.name
        if "deletionTimestamp" in pod["metadata"]:
            raise conflict("pods/binding", "", name, f"pod {name} is being deleted, cannot be assigned to a host")
        if assigned := pod["spec"].get("nodeName"):
            raise conflict("pods/binding", "", name, f'pod {name} is already assigned to node "{assigned}"')
        pod["spec"]["nodeName"] = node
        _set_condition(pod, "PodScheduled", self._timeline.stamp(), {})
        self._rest.commit(call, record, pod, converted(call.served, record))
        return answer_object(201, SUCCESS, call.warnings)

    def evict(self, call: Call) -> Response:
        """Delete a pod unless a disruption budget forbids it (registry/core/pod, EvictionREST)."""
        eviction = bodies.fitted(_decode(call, "Eviction"), Body)
        named = eviction.metadata.name if eviction.metadata else None
        if (named or call.route.name) != call.route.name:
            raise bad_request("name in URL does not match name in Eviction object")
        record = self._rest.record(call)
        options = eviction.options or DeleteOptions()
        if call.dry_run:
            options.dry_run = ["All"]
        options.check()
        check_budgets(self._rest.store, record, self._timeline.stamp(), dry_run=bool(options.dry_run))
        if not options.dry_run:
            record = self._mark_target(call, record)
        self._deleter.take_away(call, record, options)
        return answer_object(201, SUCCESS)

    def _mark_target(self, call: Call, record: Record) -> Record:
        """Say in the pod's status why it goes."""
        pod = converted(call.served, record)
        if "deletionTimestamp" in pod["metadata"]:
            return record
        reason, message = "EvictionByEvictionAPI", "Eviction API: evicting"
        _set_condition(pod, "DisruptionTarget", self._timeline.stamp(), {"reason": reason, "message": message})
        return self._rest.store.put(record.key, shaped(call.served, pod))


def _set_condition(pod: Object, kind: str, stamp: str, more: Object) -> None:
    conditions = pod.setdefault("status", {}).setdefault("conditions", [])
    conditions[:] = [condition for condition in conditions if condition.get("type") != kind]
    conditions.append({"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp, **more})


def refuse(rest: Rest, call: Call) -> Response:
    """Raises ApiError 404 if the pod is missing, else 501."""
    rest.record(call)
    what = f"{call.route.plural}/{call.route.subresource}"
    raise ApiError(501, "NotImplemented", f"{what} is not served by this simulated API server")


def finalize(rest: Rest, call: Call) -> Response:
    """PUT of a namespace's `spec.finalizers`, and of nothing else."""
    call.check_write_options()
    given = decode_object.take(call)
    decode_object.check_named(call, given)
    record = rest.record(call)
    obj = converted(call.served, record)
    wanted = given["metadata"].get("resourceVersion", "")
    if wanted not in ("", "0", str(record.revision)):
        raise conflict("namespaces", "", call.route.name, STALE)
    finalizers = (given.get("spec") or {}).get("finalizers") or []
    obj["spec"] = {"finalizers": finalizers} if finalizers else {}
    return rest.commit(call, record, obj, converted(call.served, record))


def make_token(rest: Rest, timeline: Timeline, keys: Keys, call: Call) -> Response:
    """TokenRequest: a bearer token for a ServiceAccount, perhaps bound to a pod (registry/core/serviceaccount)."""
    spec = bodies.fitted(_decode(call, "TokenRequest").get("spec") or {}, TokenSpec)
    seconds = spec.seconds or TOKEN_S
    if seconds < TOKEN_S_MIN or seconds > TOKEN_S_MAX:
        why = "less than 10 minutes" if seconds < TOKEN_S_MIN else "larger than 2^32 seconds"
        text = f"Invalid value: {seconds}: may not specify a duration {why}"
        error = FieldError("spec.expirationSeconds", "FieldValueInvalid", text)
        raise invalid("TokenRequest", "authentication.k8s.io", "", [error])
    account = rest.record(call)
    bound = spec.bound.name or "" if spec.bound and spec.bound.kind == "Pod" else ""
    if bound and rest.store.get(StoreKey("pods", account.key.namespace, bound)) is None:
        raise not_found("pods", "", bound)
    uid = account.object()["metadata"]["uid"]
    token = keys.service_account_token(account.key.namespace, account.key.name, uid, bound)
    expires = datetime.fromtimestamp(timeline.now_ns // 10**9 + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": account.key.name,
            "namespace": account.key.namespace,
            "uid": uid,
            "creationTimestamp": timeline.stamp(),
        },
        "spec": {
            "audiences": spec.audiences or [AUDIENCE],
            "expirationSeconds": seconds,
            "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": bound} if bound else None,
        },
        "status": {"token": token, "expirationTimestamp": expires},
    }
    return answer_object(201, answer)


def _decode(call: Call, kind: str) -> Object:
    """A body of another kind than the resource's. Raises ApiError 400."""
    body = call.request.body
    bodies.check_size(body)
    obj = bodies.decode_struct(body, call.media_type, kind)
    obj["metadata"] = obj.get("metadata") or {}
    return obj


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def _put_at(obj: Object, path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        obj = obj.setdefault(step, {})
    obj[path[-1]] = value
