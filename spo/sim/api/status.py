"""How the API server says no: `Status` answers, in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One thing wrong with one field (field.Error of apimachinery).

    `reason` is a cause's reason (`FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported` …);
    `message` is the text after `path: `, for example `Required value: name or generateName is required`.
    """

    path: str
    reason: str
    message: str

    @property
    def text(self) -> str:
        return f"{self.path}: {self.message}"

    def cause(self) -> dict[str, Any]:
        return {"reason": self.reason, "message": self.message, "field": self.path}


class ApiError(Exception):
    """A request is refused with this `Status`. `headers` are added to the answer (`Retry-After`)."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers

    def status(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


class NoAnswer(ApiError):
    """The connection ended without an answer: it may or may not have happened. No server says so; a fault did it."""

    def __init__(self) -> None:
        super().__init__(0, "", "no answer: the connection ended")


def qualified(name: str, group: str) -> str:
    """`pods`, or `seccompprofiles.security-profiles-operator.x-k8s.io`: GroupResource and GroupKind as text."""
    return f"{name}.{group}" if group else name


def _details(name: str, kind: str, group: str, **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    return {**details, **more}


def not_found(plural: str, group: str, name: str) -> ApiError:
    text = f'{qualified(plural, group)} "{name}" not found'
    return ApiError(404, "NotFound", text, _details(name, plural, group))


def already_exists(plural: str, group: str, name: str) -> ApiError:
    text = f'{qualified(plural, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", text, _details(name, plural, group))


def conflict(plural: str, group: str, name: str, why: str) -> ApiError:
    """`why` is the sentence after the colon; the usual one is STALE."""
    text = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return ApiError(409, "Conflict", text, _details(name, plural, group))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422: `Kind.group "name" is invalid: ...`, one error plain, several in brackets, the same one once."""
    texts = list(dict.fromkeys(error.text for error in errors))
    shown = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    text = f'{qualified(kind, group)} "{name}" is invalid: {shown}'
    return ApiError(422, "Invalid", text, _details(name, kind, group, causes=[error.cause() for error in errors]))


def forbidden(plural: str, group: str, name: str, why: str) -> ApiError:
    text = f'{qualified(plural, group)} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", text, _details(name, plural, group))


def expired(message: str, continuation: str = "") -> ApiError:
    """410: that revision, or that continue token, is no longer known."""
    error = ApiError(410, "Expired", message)
    error.continuation = continuation  # type: ignore[attr-defined]
    return error
