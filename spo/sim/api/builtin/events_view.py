"""Events as events.k8s.io shows them: stored are the core group's events; some fields have other names here."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from spo.model.resource import EVENTS, Resource
from spo.sim.api.builtin import TABLE
from spo.sim.api.builtin.decoding import decode
from spo.sim.api.field_errors import immutable, invalid, required
from spo.sim.api.kinds import METADATA_FIELDS, Object, View, text_at
from spo.sim.api.status import FieldError

_CORE = TABLE["events"]
_SHOWN_AS = {  # in core → here
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_STORED_AS = {shown: stored for stored, shown in _SHOWN_AS.items()}
_REGARDING = [
    f"regarding.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
]
_TYPES = ("Normal", "Warning")
# ValidateEventUpdate, in its order; that it looks at the reason twice is its own slip, and shows in the causes.
_IMMUTABLE = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "reason",
    "type",
)


class EventView(View, frozen=True, kw_only=True):
    """The kind Event of events.k8s.io/v1."""

    def shown(self, stored: Object) -> Object:
        return {**_renamed(stored, _SHOWN_AS), "apiVersion": self.resource.api_version}

    def stored(self, shown: Object) -> Object:
        return {**_renamed(shown, _STORED_AS), "apiVersion": EVENTS.api_version}

    def unknown_fields(self, obj: Object, untouched: Collection[str] = ()) -> list[str]:
        return decode(obj, "EventsEvent")

    def default(self, obj: Object) -> None:
        stored = self.stored(obj)
        _CORE.default(stored)
        shown = self.shown(stored)
        obj.clear()
        obj.update(shown)

    def validate(self, obj: Object, old: Object | None) -> list[FieldError]:
        """Stricter than the core group, in the core group's names."""
        event = self.stored(obj)
        if old is None:
            return _CORE.validate(event, None) + _faults(event)
        before = self.stored(old)
        changed = [field for field in _IMMUTABLE if event.get(field) != before.get(field)]
        return [immutable(field, event.get(field)) for field in changed]

    def fields(self, obj: Object) -> Mapping[str, str]:
        return {field: text_at(obj, field) for field in self.supported_fields}


def _faults(event: Object) -> list[FieldError]:
    errors = [] if event.get("eventTime") else [required("eventTime")]
    kind = event.get("type", "")
    return errors if kind in _TYPES else [*errors, invalid("type", kind, f"has invalid value: {kind}")]


def _renamed(obj: Object, names: Mapping[str, str]) -> Object:
    return {names.get(field, field): value for field, value in obj.items()}


KIND = EventView(
    storage="events",
    resource=Resource("events.k8s.io", "v1", "events", "Event"),
    singular="event",
    short_names=("ev",),
    supported_fields=METADATA_FIELDS | {"reason", "reportingController", "type", *_REGARDING},
    shape=_CORE.shape,
    generation=False,
    create_on_update=True,
)
