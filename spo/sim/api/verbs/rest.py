"""Create, get, update and patch of any kind: what rest.BeforeCreate, rest.BeforeUpdate and the registry's store do.

Rules
    1. A write is a row of steps, and their order is their meaning: of two faults the earlier step's is told, in a real
       server's words.
    2. Nothing is stored before the last refusal. A dry run takes every step but that one.
    3. A write that changes nothing is answered 200 and makes no revision.

Expected flow (in brackets: how a step refuses; who may ask at all is settled before, in `server.py`)
    take in   POST, PUT: options (422) → body (400, 413, 415) → kind, unknown fields if Strict (400) → nulls, defaults
              patch: media type (415) → options (422) → what stands (404) → patched (400, 422, 500), fitted like a body
              apply: options (422) → body (400) → merged into what stands (409, 500), fitted like a body
              then: name and namespace are the URL's (400) → PUT: what stands (404; some kinds: insert), its uid (409)
    insert    namespace (404, 403), what admission fills in → no resourceVersion (500) → uid, time, generated name →
              prepare_create → validate (422) → warnings → limits, quotas (403) → name is free (409) → charge, store
    replace   resourceVersion (409, 422, 500) → prepare_update or prepare_status: what this write may not touch is as it
              was → system fields → managed fields → validate (422) → warnings → quotas (403), charge → commit
    commit    the last finalizer has gone: delete. Nothing has changed: leave it. Else: store

Guarantees
    What is stored here was defaulted and validated by its kind; uid and creationTimestamp are the server's. A write
    that names a resourceVersion replaces only that one; a patch that names none (but apply) conflicts with nobody.

Assumptions
    One thread: what was found still stands when it is replaced. A kind's step changes only the object it is given.

Does not
    delete on request (`deletion.py`); know sub-resources but the status (`subresources.py` brings its objects to
    `replace` and `commit`); call webhooks; store again what stands, but where its CRD has another schema by now.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from spo.sim.api import metadata
from spo.sim.api.admission import plugins
from spo.sim.api.admission.quotas import COUNTED_AGAIN
from spo.sim.api.call import Call, answer
from spo.sim.api.custom.crd import CustomResource
from spo.sim.api.encoding import bodies
from spo.sim.api.features import DEFAULTS, Features
from spo.sim.api.http import Response
from spo.sim.api.kinds import OF_STATUS, Kind
from spo.sim.api.resources import Served, converted, is_outdated, rendered, shaped, to_store
from spo.sim.api.revisions import revision_of, too_large
from spo.sim.api.routing import truth
from spo.sim.api.status import STALE, ApiError, FieldError, already_exists, bad_request, conflict, invalid, not_found
from spo.sim.api.verbs import decode_object
from spo.sim.api.verbs.apply import apply, track_update
from spo.sim.api.verbs.patching import json_patch, merge_patch
from spo.sim.api.verbs.strategic import go_text, strategic_merge
from spo.sim.keys import Keys
from spo.sim.store import Record, Store, StoreKey
from spo.sim.timeline import Timeline

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
_PATCH_TYPES_CUSTOM = f"{JSON}, {MERGE}, {APPLY}"


class Rest:
    """The registry of all kinds: one place where objects are made and changed."""

    def __init__(
        self,
        store: Store,
        timeline: Timeline,
        keys: Keys,
        admit: plugins.Admission,
        features: Features = DEFAULTS,
    ) -> None:
        self.store = store
        self._timeline = timeline
        self._keys = keys
        self._admit = admit
        self._features = features

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self, call: Call) -> Response:
        version = call.query.get("resourceVersion", "")
        wanted = revision_of(version) if version else 0
        if wanted > self.store.revision:
            raise too_large(wanted, self.store.revision, self._features.watch_cache)
        return answer(200, rendered(call.served, self.record(call)))

    def record(self, call: Call, key: StoreKey | None = None) -> Record:
        """The object a request is about. Raises ApiError 404."""
        found = self.store.get(key or call.key)
        if found is None:
            resource = call.served.kind.resource
            raise not_found(resource.plural, resource.group, (key or call.key).name)
        return found

    # -- create --------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Response:
        call.check_write_options()
        obj = decode_object.take(call)
        decode_object.check_namespace(call, obj)
        obj["metadata"].pop("managedFields", None)
        return self.insert(call, obj)

    def insert(self, call: Call, obj: Object) -> Response:
        """Make a new object. Raises ApiError 403, 404, 409, 422 or 500."""
        kind, meta = call.served.kind, obj["metadata"]
        resource = kind.resource
        self._admit.create(call, obj)
        if meta.pop("resourceVersion", "0") not in ("", "0"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        metadata.start(meta, self._keys.uid(), self._timeline.stamp())
        if "name" not in meta and "generateName" in meta:
            meta["name"] = self._generate_name(call, meta["generateName"])
        kind.prepare_create(obj)
        errors = decode_object.type_faults(kind, obj)
        if not errors:
            errors = _faults(
                kind, obj, None, metadata.faults(meta, resource.plural, kind.custom), kind.validate(obj, None)
            )
        _refuse(call, obj, errors)
        _warn(call, obj, None)
        charges = self._admit.judge(call, obj, None)
        key = call.key._replace(name=meta["name"])
        before = self.store.get(key)
        if before is not None:
            raise _exists(resource.plural, resource.group, before)
        if call.dry_run:
            return answer(201, msgspec.json.encode(shaped(call.served, obj)), call.warnings)
        for charge in charges:
            self.store.put(*charge)
        record = self.store.put(key, to_store(call.served, obj))
        return answer(201, rendered(call.served, record), call.warnings)

    def _generate_name(self, call: Call, base: str) -> str:
        while True:
            name = metadata.generated(base, self._keys.suffix())
            if self.store.get(call.key._replace(name=name)) is None:
                return name

    # -- update --------------------------------------------------------------------------------------------------

    def update(self, call: Call) -> Response:
        call.check_write_options()
        obj = decode_object.take(call)
        decode_object.check_named(call, obj)
        found = self.store.get(call.key)
        if found is None:
            if call.served.kind.create_on_update and not call.route.subresource:
                obj["metadata"].pop("resourceVersion", None)
                return self.insert(call, obj)
            self.record(call)
        assert found is not None
        self._check_uid(call, obj["metadata"], found)
        return self.replace(call, found, obj)

    def replace(self, call: Call, record: Record, obj: Object, old: Object | None = None) -> Response:
        """Put `obj` in the place of `record`, of all or of its status. Raises ApiError 409, 422 or 500.

        `old`: the record's object, if it is at hand; it shares nothing with `obj`.
        """
        kind, meta = call.served.kind, obj["metadata"]
        owned = meta.get("managedFields")
        old = converted(call.served, record) if old is None else old
        _check_version(call, meta, record)
        _keep_generation(meta, old["metadata"])
        of_status = call.route.subresource in OF_STATUS
        if of_status:
            kind.prepare_status(obj, old)
        else:
            kind.prepare_update(obj, old)
        meta = obj["metadata"]
        metadata.carry_over(meta, old["metadata"])
        if call.media_type != APPLY:
            track_update(old, obj, kind, call.manager, self._timeline.stamp(), call.route.subresource)
        else:
            _own(meta, owned)
        errors = decode_object.type_faults(kind, obj)
        if not errors:
            of_kind = kind.validate_status(obj, old) if of_status else kind.validate(obj, old)
            errors = _faults(kind, obj, old, metadata.update_faults(meta, old["metadata"], kind.custom), of_kind)
        _refuse(call, obj, errors)
        _warn(call, obj, old)
        if call.served.storage in COUNTED_AGAIN and not call.route.subresource:
            for charge in self._admit.judge(call, obj, old):
                if not call.dry_run:
                    self.store.put(*charge)
        return self.commit(call, record, obj, old)

    def commit(self, call: Call, record: Record, obj: Object, old: Object) -> Response:
        """Store a checked change, if it is one; an object that waited only for its last finalizer goes."""
        if may_go(call.served, obj):
            # The answer shows what was asked for at the old revision; watchers see the last state that stood.
            body = msgspec.json.encode(shaped(call.served, obj))
            if not call.dry_run:
                self.store.delete(record.key, record.object())
            return answer(200, body, call.warnings)
        if obj == old and not is_outdated(call.served, record):
            return answer(200, rendered(call.served, record), call.warnings)
        if call.dry_run:
            return answer(200, msgspec.json.encode(shaped(call.served, obj)), call.warnings)
        after = self.store.put(record.key, to_store(call.served, obj))
        return answer(200, rendered(call.served, after), call.warnings)

    def _check_uid(self, call: Call, meta: Object, record: Record) -> None:
        wanted = meta.get("uid")
        if not wanted:
            return
        found = record.object()["metadata"]["uid"]
        if wanted != found:
            resource, key = call.served.kind.resource, record.key
            parts = [
                part
                for part in ("registry", resource.group if call.served.kind.custom else "", resource.plural)
                if part
            ]
            place = "/".join(["", *parts, *(part for part in (key.namespace, key.name) if part)])
            why = (
                f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: "
                f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
            )
            raise conflict(resource.plural, resource.group, key.name, why)

    # -- patch ---------------------------------------------------------------------------------------------------

    def patch(self, call: Call) -> Response:
        kind, media_type = call.served.kind, call.media_type
        if media_type == APPLY:
            return self.apply(call)
        if media_type not in (MERGE, JSON, STRATEGIC) or (media_type == STRATEGIC and kind.custom):
            if kind.custom:
                raise bodies.unsupported_media(_PATCH_TYPES_CUSTOM)
            raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        call.check_write_options()
        bodies.check_size(call.request.body)
        record = self.record(call)
        before = converted(call.served, record)
        obj, shown, untouched = patched(call, before)
        decode_object.take_patched(call, obj, shown, untouched)
        decode_object.check_named(call, obj)
        return self.replace(call, record, obj, before)

    def apply(self, call: Call) -> Response:
        """Server-side apply: creates what is not there."""
        call.check_write_options(applying=True)
        kind, resource = call.served.kind, call.served.kind.resource
        try:
            applied = bodies.decode_yaml(call.request.body)
        except bodies.Unreadable as fault:
            raise bad_request(f"error decoding YAML: {fault}") from None
        if not isinstance(applied, dict):
            raise bad_request(f"error decoding YAML: {bodies.not_a_struct(applied)}")
        if call.validation != "Ignore" and (repeated := bodies.repeated_in_yaml(call.request.body, applied)):
            if call.validation == "Strict":
                raise bad_request(f"error strict decoding YAML: {repeated}")
            call.warnings.append(repeated)
        applied["metadata"] = applied.get("metadata") or {}
        self._check_applied(call, applied)
        record = self.store.get(call.key)
        if record is None and (call.route.subresource or applied["metadata"].get("uid")):
            # A status, or an object known by its uid, is not made by applying it.
            raise not_found(resource.plural, resource.group, call.route.name)
        merged = apply(
            None if record is None else converted(call.served, record),
            applied,
            manager=call.query["fieldManager"],
            force=truth(call.query.get("force")),
            stamp=self._timeline.stamp(),
            kind=kind,
            subresource=call.route.subresource,
        )
        text = msgspec.json.encode(merged).decode()
        decode_object.take_patched(call, merged, lambda: text, keep_nulls=True)
        decode_object.check_named(call, merged)
        if record is not None:
            return self.replace(call, record, merged)
        merged["metadata"].pop("resourceVersion", None)
        return self.insert(call, merged)

    @staticmethod
    def _check_applied(call: Call, applied: Object) -> None:
        """Raises ApiError 400."""
        resource = call.served.kind.resource
        version, kind = applied.get("apiVersion", ""), applied.get("kind", "")
        if (version, kind) != (resource.api_version, resource.kind):
            group = version if "/" in version else f"/{version}"
            raise bad_request(f"invalid object type: {group}, Kind={kind}")
        if applied["metadata"].get("managedFields") is not None:
            raise bad_request("metadata.managedFields must be nil")
        decode_object.check_name(call, applied)


def _own(meta: Object, entries: list[Any] | None) -> None:
    """An apply says itself who owns what now: none, where nobody owns anything any more."""
    meta.pop("managedFields", None)
    if entries:
        meta["managedFields"] = entries


class Patched(NamedTuple):
    """The outcome of a patch; what gives the text that an error about it quotes; the fields it left alone."""

    obj: Object
    shown: Callable[[], str]
    untouched: frozenset[str]


def patched(call: Call, old: Object) -> Patched:
    """Carry out a patch of one of the three older types."""
    strategic = call.media_type == STRATEGIC
    try:
        patch = bodies.decode_json(call.request.body)
    except bodies.Unreadable as fault:
        raise bad_request(str(fault) if strategic else f"error decoding patch: {fault}") from None
    if strategic:
        obj = strategic_merge(old, patch, call.served.kind)
        return Patched(obj, lambda: go_text(patch), frozenset(old.keys() - patch.keys()))

    def outcome() -> Any:
        return json_patch(old, patch) if call.media_type == JSON else merge_patch(old, patch)

    def shown() -> str:  # anew: by then the outcome itself has been pruned
        return msgspec.json.encode(outcome()).decode()

    obj = outcome()
    if not isinstance(obj, dict):
        raise decode_object.patch_refused(shown(), bodies.not_a_struct(obj))
    untouched = frozenset() if call.media_type == JSON else frozenset(old.keys() - patch.keys())
    return Patched(obj, shown, untouched)


def may_go(served: Served, obj: Object) -> bool:
    """Is it being deleted, and does nothing hold it any more (rest.ShouldDeleteDuringUpdate)?"""
    meta = obj["metadata"]
    if "deletionTimestamp" not in meta or meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return False
    return served.storage != "namespaces" or not (obj.get("spec") or {}).get("finalizers")


def _check_version(call: Call, meta: Object, record: Record) -> None:
    """Optimistic locking: the version in the body must be the one that stands."""
    resource = call.served.kind.resource
    wanted = meta.get("resourceVersion", "")
    if wanted in ("", "0"):
        if not call.served.kind.unconditional_update:
            error = FieldError(
                "metadata.resourceVersion", "FieldValueInvalid", "Invalid value: 0: must be specified for an update"
            )
            # Here alone the server names the resource instead of the kind.
            raise invalid(resource.plural, resource.group, record.key.name, [error])
    elif not (wanted.isascii() and wanted.isdigit()):
        raise ApiError(500, "", f'strconv.ParseUint: parsing "{wanted}": invalid syntax')
    elif int(wanted) != record.revision:
        raise conflict(resource.plural, resource.group, record.key.name, STALE)
    meta["resourceVersion"] = str(record.revision)


def _keep_generation(meta: Object, old: Object) -> None:
    if "generation" in old:
        meta["generation"] = old["generation"]
    else:
        meta.pop("generation", None)


def _faults(
    kind: Kind, obj: Object, old: Object | None, of_metadata: list[FieldError], of_kind: list[FieldError]
) -> list[FieldError]:
    errors = of_metadata + of_kind
    if of_metadata and isinstance(kind, CustomResource):
        # Grave faults of metadata, too, keep the schema's rules from being checked.
        errors += [error for error in kind.schema.check_rules(obj, old, of_metadata) if error not in of_kind]
    return errors


def _refuse(call: Call, obj: Object, errors: list[FieldError]) -> None:
    if errors:
        group = "" if call.served.view else str(obj.get("apiVersion", "")).rpartition("/")[0]
        raise invalid(str(obj.get("kind", "")), group, obj["metadata"].get("name", ""), errors)


def _warn(call: Call, obj: Object, old: Object | None) -> None:
    call.warnings += call.served.kind.warnings(obj, old)


def _exists(plural: str, group: str, before: Record) -> ApiError:
    error = already_exists(plural, group, before.key.name)
    if "deletionTimestamp" in before.object()["metadata"]:
        error.message = "object is being deleted: " + error.message
    return error
