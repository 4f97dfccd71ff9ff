"""One request under way: who asks, what for, and what was said so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from spo.sim.api.access.authn import User
from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.resources import Served
from spo.sim.api.routing import Route
from spo.sim.api.status import ApiError, FieldError, bad_request, invalid
from spo.sim.store import StoreKey

Object = dict[str, Any]

_OPTIONS_OF = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")


class Call(Struct):
    """A request for a resource that exists. `warnings` become `Warning: 299` headers of the answer.

    A watch answers into the stream that `make_stream` gives: it may change how events look on their way.
    """

    request: Request
    route: Route
    user: User
    served: Served
    query: Mapping[str, str]
    warnings: list[str] = field(default_factory=list)
    make_stream: Callable[[], Stream] = Stream

    @property
    def key(self) -> StoreKey:
        return StoreKey(
            self.served.storage, self.route.namespace if self.served.kind.resource.namespaced else "", self.route.name
        )

    @property
    def dry_run(self) -> bool:
        return "dryRun" in self.query

    @property
    def validation(self) -> str:
        """What to do about unknown fields: `Strict`, `Warn` or `Ignore`."""
        return self.query.get("fieldValidation") or "Warn"

    @property
    def manager(self) -> str:
        """Who owns the fields this request writes: `fieldManager`, or what the client calls itself."""
        return self.query.get("fieldManager") or header(self.request.headers, "User-Agent").split("/")[0] or "unknown"

    @property
    def media_type(self) -> str:
        """The type of the body, without its parameters."""
        return header(self.request.headers, "Content-Type").split(";")[0].strip().lower()

    def check_write_options(self, applying: bool = False) -> None:
        """Refuse a write with options that cannot be (422, before anything else is looked at)."""
        query = self.query
        if not query and not applying:
            return
        errors: list[FieldError] = []
        if applying and not query.get("fieldManager"):
            errors.append(
                FieldError("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
            )
        if "force" in query and not applying and self.request.method == "PATCH":
            errors.append(
                FieldError("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch")
            )
        manager = query.get("fieldManager", "")
        if len(manager) > 128:
            errors.append(FieldError("fieldManager", "FieldValueTooLong", "Too long: may not be more than 128 bytes"))
        bad = next((index for index, sign in enumerate(manager) if not sign.isprintable()), None)
        if bad is not None:
            shown = quoted(manager).replace("\\u0007", "\\a")
            why = f"Invalid value: {shown}: invalid character U+{ord(manager[bad]):04X} (at position {bad})"
            errors.append(FieldError("fieldManager", "FieldValueInvalid", why))
        errors += dry_run_faults([query["dryRun"]] if "dryRun" in query else [])
        if query.get("fieldValidation", "") not in _VALIDATIONS:
            errors.append(_unsupported("fieldValidation", quoted(query["fieldValidation"]), _VALIDATIONS))
        if errors:
            raise options_refused(_OPTIONS_OF[self.request.method], errors)


def dry_run_faults(values: list[Any]) -> list[FieldError]:
    """`dryRun` may only be `All`."""
    if all(value == "All" for value in values):
        return []
    return [_unsupported("dryRun", msgspec.json.encode(values).decode(), ("All",))]


def options_refused(kind: str, errors: list[FieldError]) -> ApiError:
    """422 for options of a request: `CreateOptions.meta.k8s.io "" is invalid: …`."""
    return invalid(kind, "meta.k8s.io", "", errors)


def _unsupported(path: str, shown: str, supported: tuple[str, ...]) -> FieldError:
    listed = ", ".join(f'"{value}"' for value in supported)
    return FieldError(path, "FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {listed}")


def quoted(text: Any) -> str:
    """A string as Go's %q and JSON write it; any other value as JSON."""
    return msgspec.json.encode(text).decode()


def whole_number(text: str) -> int:
    """A number of the query. Raises ApiError 400, in strconv's words."""
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header, whatever the case of its name."""
    found = headers.get(name)
    if found is not None:
        return found
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def answer(status: int, body: bytes, warnings: list[str] | None = None) -> Response:
    """A JSON answer."""
    headers = [("Content-Type", "application/json")]
    headers += [("Warning", f"299 - {quoted(text)}") for text in dict.fromkeys(warnings or ())]
    return Response(status, tuple(headers), body)


def answer_object(status: int, obj: Any, warnings: list[str] | None = None) -> Response:
    return answer(status, msgspec.json.encode(obj), warnings)
