"""Delete: grace, finalizers, preconditions and propagation (rest.BeforeDelete, the registry's store)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct, field

from spo.sim.api.call import Call, answer, answer_object, dry_run_faults, options_refused, quoted, whole_number
from spo.sim.api.custom import definitions
from spo.sim.api.encoding import bodies
from spo.sim.api.http import Response
from spo.sim.api.resources import CRDS, converted, shaped, to_store
from spo.sim.api.status import FieldError, bad_request, conflict, forbidden
from spo.sim.api.verbs.listing import Lister, list_body
from spo.sim.api.verbs.rest import Rest, may_go
from spo.sim.store import Record, Store
from spo.sim.timeline import Timeline

Object = dict[str, Any]

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
DEFAULT_GRACE_S = 30
# Older than garbage collection: who says nothing leaves the pods behind (DefaultGarbageCollectionPolicy).
_ORPHANING = ("jobs.batch", "replicationcontrollers")
_PODS_STAY = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
_POLICIES = ("Foreground", "Background", "Orphan")
_PROTECTED = ("default", "kube-system", "kube-public")
_STAMP = "%Y-%m-%dT%H:%M:%SZ"


class Preconditions(Struct):
    """Which object, at which version, is meant."""

    uid: str | None = None
    resource_version: str | None = field(default=None, name="resourceVersion")


class DeleteOptions(Struct, kw_only=True):
    """How to delete; from the body, and where it is silent from the query."""

    grace_s: int | None = field(default=None, name="gracePeriodSeconds")
    policy: str | None = field(default=None, name="propagationPolicy")
    orphan: bool | None = field(default=None, name="orphanDependents")
    preconditions: Preconditions | None = None
    dry_run: list[Any] | None = field(default=None, name="dryRun")

    def check(self) -> None:
        """Raises ApiError 422."""
        errors = []
        if self.policy and self.orphan is not None:
            why = f"Invalid value: {quoted(self.policy)}: orphanDependents and deletionPropagation cannot be both set"
            errors.append(FieldError("propagationPolicy", "FieldValueInvalid", why))
        elif self.policy and self.policy not in _POLICIES:
            listed = ", ".join(f'"{policy}"' for policy in (*_POLICIES, "nil"))
            why = f"Unsupported value: {quoted(self.policy)}: supported values: {listed}"
            errors.append(FieldError("propagationPolicy", "FieldValueNotSupported", why))
        errors += dry_run_faults(self.dry_run or [])
        if errors:
            raise options_refused("DeleteOptions", errors)


def read_options(call: Call) -> DeleteOptions:
    """Raises ApiError 400, 415 or 422."""
    body, query = call.request.body, call.query
    bodies.check_size(body)
    options = DeleteOptions(
        grace_s=whole_number(query["gracePeriodSeconds"]) if "gracePeriodSeconds" in query else None,
        policy=query.get("propagationPolicy"),
        dry_run=[query["dryRun"]] if "dryRun" in query else None,
    )
    if body:
        given = bodies.fitted(_decode(call), DeleteOptions)
        options = DeleteOptions(
            grace_s=options.grace_s if given.grace_s is None else given.grace_s,
            policy=given.policy or options.policy,
            orphan=given.orphan,
            preconditions=given.preconditions,
            dry_run=given.dry_run or options.dry_run,
        )
    options.check()
    return options


def _decode(call: Call) -> Object:
    try:
        given = bodies.decode(call.request.body, call.media_type)
    except bodies.Unreadable as fault:
        raise bad_request(fault.why) from None
    if not isinstance(given, dict):
        raise bad_request(bodies.no_version_or_kind(bodies.not_a_struct(given)))
    if given.get("kind", "DeleteOptions") != "DeleteOptions":
        version = given.get("apiVersion", "v1")
        raise bad_request(
            f'no kind "{given["kind"]}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    return given


class Deleter:
    """Takes objects away, at once or as slowly as they must go."""

    def __init__(self, store: Store, timeline: Timeline, rest: Rest, lister: Lister) -> None:
        self._store = store
        self._timeline = timeline
        self._rest = rest
        self._lister = lister

    def delete(self, call: Call) -> Response:
        options = read_options(call)
        _warn(call, options)
        record = self._rest.record(call)
        gone, obj = self.take_away(call, record, options)
        kind = call.served.kind
        if not gone or kind.returns_object_on_delete or call.served.storage in ("namespaces", CRDS):
            return answer(200, msgspec.json.encode(shaped(call.served, obj)), call.warnings)
        resource = kind.resource
        details = {
            "name": record.key.name,
            "group": resource.group,
            "kind": resource.plural,
            "uid": obj["metadata"]["uid"],
        }
        if not resource.group:
            del details["group"]
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return answer_object(200, status, call.warnings)

    def delete_collection(self, call: Call) -> Response:
        options = read_options(call)
        _warn(call, options)
        page = self._lister.page(call)
        body = list_body(call.served, page)
        for record in page.records:
            current = self._store.get(record.key)
            if current is not None:
                self.take_away(call, current, options)
        return answer(200, body, call.warnings)

    def take_away(self, call: Call, record: Record, options: DeleteOptions) -> tuple[bool, Object]:
        """Is it gone for good, and the object as it is now or was last."""
        obj = converted(call.served, record)
        _check_preconditions(call, obj, options)
        if call.served.storage == "namespaces":
            return self._end_namespace(call, record, obj, options)
        if call.served.storage == CRDS:
            return self._end_crd(call, record, obj, options)
        graceful = self._begin_grace(call, obj, options)
        if graceful is None:  # already on its way, and nothing shorter was asked for
            return False, obj
        _set_gc_finalizers(obj["metadata"], options, call.served.storage in _ORPHANING)
        pending = bool(obj["metadata"].get("finalizers"))
        if not graceful and pending:
            self._mark(obj["metadata"])
        if graceful or pending:
            obj = self._save(call, record, obj, options)
            if pending or obj["metadata"].get("deletionGracePeriodSeconds"):
                return False, obj
        if options.dry_run:
            return True, obj
        last = obj if graceful else converted(call.served, record)
        self._store.delete(record.key, to_store(call.served, last))
        return True, last

    def _save(self, call: Call, record: Record, obj: Object, options: DeleteOptions) -> Object:
        if not options.dry_run and obj != converted(call.served, record):
            self._store.put(record.key, to_store(call.served, obj))  # gives obj's metadata its new version
        return obj

    # -- grace ---------------------------------------------------------------------------------------------------

    def _begin_grace(self, call: Call, obj: Object, options: DeleteOptions) -> bool | None:
        """Only pods die slowly. True: the object says so now; False: no grace; None: it is dying already."""
        if call.served.storage != "pods":
            return False
        meta = obj["metadata"]
        current = meta.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" in meta:
            if not current:
                return False
            if options.grace_s is None or max(options.grace_s, 0) >= current:
                return None
            asked = 1 if options.grace_s < 0 else options.grace_s
            meta["deletionTimestamp"] = _shifted(meta["deletionTimestamp"], asked - current)
            meta["deletionGracePeriodSeconds"] = asked
            return True
        grace = self._grace(obj, options)
        meta["deletionTimestamp"] = _shifted(self._timeline.stamp(), grace)
        meta["deletionGracePeriodSeconds"] = grace
        _count(meta)
        return True

    @staticmethod
    def _grace(obj: Object, options: DeleteOptions) -> int:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        grace = (
            options.grace_s
            if options.grace_s is not None
            else spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE_S)
        )
        if not spec.get("nodeName") or status.get("phase") in ("Failed", "Succeeded"):
            return 0
        return 1 if grace < 0 else int(grace)

    def _mark(self, meta: Object) -> None:
        """It waits for its finalizers."""
        if "deletionTimestamp" not in meta:
            _count(meta)
            meta["deletionTimestamp"] = self._timeline.stamp()
        meta["deletionGracePeriodSeconds"] = 0

    # -- two kinds that end in their own way ---------------------------------------------------------------------

    def _end_namespace(self, call: Call, record: Record, obj: Object, options: DeleteOptions) -> tuple[bool, Object]:
        """A namespace says that it is ending, and goes when its controller has emptied it."""
        if record.key.name in _PROTECTED:
            raise forbidden("namespaces", "", record.key.name, "this namespace may not be deleted")
        meta = obj["metadata"]
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = self._timeline.stamp()
            obj.setdefault("status", {})["phase"] = "Terminating"
        return self._end(call, record, obj, options)

    def _end_crd(self, call: Call, record: Record, obj: Object, options: DeleteOptions) -> tuple[bool, Object]:
        """A definition is held until its objects are gone."""
        meta = obj["metadata"]
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = self._timeline.stamp()
            definitions.terminate(obj, self._timeline.stamp())
            finalizers = meta.setdefault("finalizers", [])
            if definitions.CLEANUP_FINALIZER not in finalizers:
                finalizers.append(definitions.CLEANUP_FINALIZER)
        return self._end(call, record, obj, options)

    def _end(self, call: Call, record: Record, obj: Object, options: DeleteOptions) -> tuple[bool, Object]:
        if may_go(call.served, obj):
            if not options.dry_run:
                self._store.delete(record.key, to_store(call.served, obj))
            return True, obj
        return False, self._save(call, record, obj, options)


def _warn(call: Call, options: DeleteOptions) -> None:
    if call.served.storage == "jobs.batch" and not options.policy and options.orphan is None:
        call.warnings.append(_PODS_STAY)


def _check_preconditions(call: Call, obj: Object, options: DeleteOptions) -> None:
    meta, resource = obj["metadata"], call.served.kind.resource
    named = options.preconditions or Preconditions()
    for wanted, found, what in (
        (named.uid, meta["uid"], "UID"),
        (named.resource_version, meta["resourceVersion"], "ResourceVersion"),
    ):
        if wanted and wanted != found:
            fate = "deleted and then recreated" if what == "UID" else "modified"
            why = (
                f"the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). "
                f"The object might have been {fate}"
            )
            raise conflict(resource.kind, resource.group, meta["name"], why)


def _set_gc_finalizers(meta: Object, options: DeleteOptions, orphaning: bool) -> None:
    """What becomes of dependants stands in a finalizer; what was chosen before stays, unless chosen anew."""
    before = list(meta.get("finalizers") or ())
    after = [finalizer for finalizer in before if finalizer not in (ORPHAN, FOREGROUND)]
    after += [finalizer for finalizer in (ORPHAN, FOREGROUND) if _wants(finalizer, before, options, orphaning)]
    if sorted(after) == sorted(before):
        return
    if after:
        meta["finalizers"] = after
    else:
        del meta["finalizers"]


def _wants(finalizer: str, before: list[str], options: DeleteOptions, orphaning: bool) -> bool:
    if options.orphan is not None:
        return options.orphan and finalizer == ORPHAN
    if options.policy:
        return {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(options.policy) == finalizer
    if ORPHAN in before or FOREGROUND in before:
        return finalizer in before
    return orphaning and finalizer == ORPHAN


def _count(meta: Object) -> None:
    if meta.get("generation"):
        meta["generation"] += 1


def _shifted(stamp: str, seconds: int) -> str:
    moment = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC) + timedelta(seconds=seconds)
    return moment.strftime(_STAMP)
