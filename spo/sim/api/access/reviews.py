"""Questions to the server about itself: who is this, may they do that (authentication.k8s.io, authorization.k8s.io)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, field

from spo.model.resource import Resource
from spo.sim.api.access.authn import Authenticator, User
from spo.sim.api.access.authz import Authorizer
from spo.sim.api.call import Call, answer_object
from spo.sim.api.encoding import bodies
from spo.sim.api.http import Response
from spo.sim.api.kinds import Kind
from spo.sim.api.routing import Route
from spo.sim.api.status import FieldError, bad_request, invalid
from spo.sim.timeline import Timeline

Object = dict[str, Any]

AUDIENCE = "https://kubernetes.default.svc"
_AUTHN, _AUTHZ = "authentication.k8s.io", "authorization.k8s.io"


def _review(group: str, plural: str, kind: str, namespaced: bool = False) -> Kind:
    return Kind(resource=Resource(group, "v1", plural, kind, namespaced), verbs=("create",), generation=False)


KINDS = (
    _review(_AUTHN, "tokenreviews", "TokenReview"),
    _review(_AUTHN, "selfsubjectreviews", "SelfSubjectReview"),
    _review(_AUTHZ, "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    _review(_AUTHZ, "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _review(_AUTHZ, "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    _review(_AUTHZ, "subjectaccessreviews", "SubjectAccessReview"),
)


class Reviews:
    """Answers them; nothing is stored."""

    def __init__(self, authenticator: Authenticator, authorizer: Authorizer, timeline: Timeline) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._timeline = timeline

    def handlers(self) -> dict[tuple[str, str], Callable[[Call], Response]]:
        """By group and plural."""
        return {
            (_AUTHN, "tokenreviews"): self._token,
            (_AUTHN, "selfsubjectreviews"): self._self,
            (_AUTHZ, "subjectaccessreviews"): self._access,
            (_AUTHZ, "localsubjectaccessreviews"): self._access,
            (_AUTHZ, "selfsubjectaccessreviews"): self._own_access,
            (_AUTHZ, "selfsubjectrulesreviews"): self._own_rules,
        }

    def _token(self, call: Call) -> Response:
        review, spec = _decode(call)
        token = spec.get("token") or ""
        if not token:
            raise bad_request("token is required for TokenReview in authentication")
        user = self._authenticator.by_token(token)
        if user is None or (spec.get("audiences") and AUDIENCE not in spec["audiences"]):
            return _answer(call, review, {"user": {}, "error": "invalid bearer token"})
        return _answer(call, review, {"authenticated": True, "user": _shown(user), "audiences": [AUDIENCE]})

    def _self(self, call: Call) -> Response:
        review, _ = _decode(call)
        review["metadata"] = {**review["metadata"], "creationTimestamp": self._timeline.stamp()}
        review.pop("spec")
        return _answer(call, review, {"userInfo": _shown(call.user)})

    def _access(self, call: Call) -> Response:
        review, spec = _decode(call)
        _check_attributes(spec, needs_subject=True)
        extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
        user = User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)
        return self._verdict(call, review, user)

    def _own_access(self, call: Call) -> Response:
        review, spec = _decode(call)
        _check_attributes(spec, needs_subject=False)
        return self._verdict(call, review, call.user)

    def _verdict(self, call: Call, review: Object, user: User) -> Response:
        allowed, why = self._authorizer.explain(user, _asked(review["spec"]))
        return _answer(call, review, {"allowed": allowed, "reason": why} if why else {"allowed": allowed})

    def _own_rules(self, call: Call) -> Response:
        review, spec = _decode(call)
        of_resources, of_paths = [], []
        for rule in self._authorizer.rules(call.user):
            if rule.namespace in ("", spec.get("namespace", "")):
                if rule.paths:
                    of_paths.append({"verbs": list(rule.verbs), "nonResourceURLs": list(rule.paths)})
                else:
                    shown = {
                        "verbs": rule.verbs,
                        "apiGroups": rule.groups,
                        "resources": rule.resources,
                        "resourceNames": rule.names,
                    }
                    of_resources.append({key: list(values) for key, values in shown.items() if values})
        status = {"resourceRules": of_resources, "nonResourceRules": of_paths, "incomplete": False}
        return _answer(call, review, status)


class ReviewSpec(Struct):
    """The types of what the reviews ask; used to refuse what does not fit."""

    token: str | None = None
    audiences: list[str] | None = None
    user: str | None = None
    groups: list[str] | None = None
    uid: str | None = None
    extra: dict[str, list[str]] | None = None
    namespace: str | None = None
    of_resource: dict[str, Any] | None = field(default=None, name="resourceAttributes")
    of_path: dict[str, str] | None = field(default=None, name="nonResourceAttributes")


class ReviewBody(Struct):
    """A review as it comes in."""

    metadata: dict[str, Any] | None = None
    spec: ReviewSpec | None = None


def _decode(call: Call) -> tuple[Object, Object]:
    """The review, and its spec. Raises ApiError 400."""
    body, name = call.request.body, call.served.kind.resource.kind
    review = bodies.decode_struct(body, call.media_type, name)
    bodies.fitted(review, ReviewBody)
    review["metadata"] = review.get("metadata") or {}
    review["spec"] = review.get("spec") or {}
    return review, review["spec"]


def _answer(call: Call, review: Object, status: Object) -> Response:
    resource = call.served.kind.resource
    shown = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": review["metadata"]}
    if "spec" in review:
        shown["spec"] = review["spec"]
    return answer_object(201, {**shown, "status": status})


def _shown(user: User) -> Object:
    shown: Object = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    if user.extra:
        shown["extra"] = {key: list(values) for key, values in user.extra.items()}
    return {key: value for key, value in shown.items() if value}


def _asked(spec: Object) -> Route:
    of_path = spec.get("nonResourceAttributes")
    if of_path:
        return Route(of_path.get("path", ""), of_path.get("verb", ""))
    attributes = spec["resourceAttributes"]
    names = ("verb", "group", "version", "namespace", "resource", "name", "subresource")
    return Route("", *(str(attributes.get(name) or "") for name in names))


def _check_attributes(spec: Object, needs_subject: bool) -> None:
    """Raises ApiError 422."""
    errors = []
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource and path:
        shown = msgspec.json.encode({"Path": path.get("path", ""), "Verb": path.get("verb", "")}).decode()
        text = f"Invalid value: {shown}: cannot be specified in combination with resourceAttributes"
        errors.append(FieldError("spec.nonResourceAttributes", "FieldValueInvalid", text))
    if not resource and not path:
        text = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(FieldError("spec.resourceAttributes", "FieldValueInvalid", text))
    if needs_subject and not spec.get("user") and not spec.get("groups"):
        text = 'Invalid value: "": at least one of user or group must be specified'
        errors.append(FieldError("spec.user", "FieldValueInvalid", text))
    if errors:
        raise invalid("", _AUTHZ, "", errors)
