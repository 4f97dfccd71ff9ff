"""A built-in kind: the common face, filled from functions and data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from spo.sim.api.builtin.decoding import decode
from spo.sim.api.builtin.podspec import fill
from spo.sim.api.kinds import METADATA_FIELDS, Kind, Object, clone, text_at
from spo.sim.api.status import FieldError

Change = Callable[[Object, Object], None]  # (new, old): mend the new one
Check = Callable[[Object, Object | None], list[FieldError]]


def nothing(obj: Object) -> None:
    """No defaults."""


def no_change(obj: Object, old: Object) -> None:
    """Nothing to mend."""


def no_errors(obj: Object, old: Object | None) -> list[FieldError]:
    """Nothing to find."""
    return []


class BuiltIn(Kind, frozen=True, kw_only=True):
    """A kind of the API server's own. `type` names its Go type in the table of types."""

    type: str
    defaults: Callable[[Object], None] = nothing
    born: Callable[[Object], None] = nothing  # what creation adds, over the defaults
    initial_status: Object | None = None
    keeps_status: bool = False  # creation takes the client's status
    on_update: Change = no_change
    on_status: Change = no_change
    check: Check = no_errors
    check_status: Check = no_errors
    warn: Callable[[Object, Object | None], list[str]] = lambda obj, old: []
    selectors: Mapping[str, Callable[[Object], str]] = {}  # supported fields that are not simply at their path
    lists_known_selectors: bool = True  # an unsupported field selector is told which ones there are

    def unknown_fields(self, obj: Object, untouched: Collection[str] = ()) -> list[str]:
        return decode(obj, self.type, untouched)

    def default(self, obj: Object) -> None:
        self.defaults(obj)

    def prepare_create(self, obj: Object) -> None:
        given = obj.get("status") if self.keeps_status else None
        super().prepare_create(obj)
        if given is not None:
            obj["status"] = given
        if self.initial_status is not None:
            status = obj.setdefault("status", {})
            fill(status, clone(self.initial_status))
        self.born(obj)

    def prepare_update(self, obj: Object, old: Object) -> None:
        self.on_update(obj, old)
        super().prepare_update(obj, old)

    def prepare_status(self, obj: Object, old: Object) -> None:
        super().prepare_status(obj, old)
        if self.initial_status is not None:
            obj.setdefault("status", {})
        self.on_status(obj, old)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        return self.check(obj, old)

    def validate_status(self, obj: Object, old: Object) -> list[FieldError]:
        return self.check_status(obj, old)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        return self.warn(obj, old)

    def fields(self, obj: Object) -> Mapping[str, str]:
        return {
            field: self.selectors[field](obj) if field in self.selectors else text_at(obj, field)
            for field in self.supported_fields
        }

    def field_refusal(self, field: str) -> str:
        if not self.lists_known_selectors:
            return super().field_refusal(field)
        known = ", ".join(f'"{name}"' for name in sorted(METADATA_FIELDS))
        return f'"{field}" is not a known field selector: only {known}'
