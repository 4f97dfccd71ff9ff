"""Log lines, metrics and Kubernetes Events: made here, once, from what was planned and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from spo.doors.ports import Cluster, Conflict, DiskError, Invalid, WorldError
from spo.events import Key
from spo.intents import Apply, Intent, Plan, RemoveFile, Tell, WriteFile
from spo.model import kinds
from spo.model.reasons import REASONS
from spo.model.resource import DAEMONSETS, EVENTS, LEASES, Resource
from spo.model.times import stamp
from spo.observe.counters import Counters

REMEMBERED_EVENTS = 512  # how often each was said; beyond that the count starts again


class Done(Struct, frozen=True):
    """All of the plan was carried out."""


class Failed(Struct, frozen=True):
    """`done` intents were carried out; the next one failed."""

    done: int
    error: WorldError
    retry_after_s: float = 0.0


Outcome = Done | Failed
Log = Callable[[dict[str, Any]], None]

# What a failed write is called, for the error metric (docs/reference.md 7). Our own kinds have words of their own.
CANNOT: Mapping[Resource, str] = {
    DAEMONSETS: "CannotCreateSPOD",
    LEASES: "CannotUpdateLease",
    EVENTS: "CannotWriteEvent",
}
OPERATION_OF: dict[type[Any], str] = {WriteFile: "update", RemoveFile: "delete"}


class Observer:
    """The eyes on one process. `component` and `host` name it in Events; `on_bug` hears of bugs of our own."""

    def __init__(
        self, component: str, host: str, log: Log, counters: Counters, on_bug: Callable[[str], None] | None = None
    ) -> None:
        self._component = component
        self._host = host
        self._log = log
        self._on_bug = on_bug
        self.counters = counters
        self._now = 0.0
        self._problems: dict[Key, str] = {}
        self._said: dict[str, tuple[int, float]] = {}

    def report(self, key: Key, plan: Plan, outcome: Outcome, now: float, cluster: Cluster) -> None:
        """Called after each look at a key."""
        self._now = now
        self._note_problem(key, plan)
        done = plan.intents if isinstance(outcome, Done) else plan.intents[: outcome.done]
        for intent in done:
            if operation := OPERATION_OF.get(type(intent)):
                self.counters.add(f"{kinds.metric_of(key.kind)}_total", operation=operation)
            self._log({"level": "info", "key": str(key), "did": _in_words(intent)})
        if isinstance(outcome, Failed) and not isinstance(outcome.error, Conflict):
            self._note_failure(key, plan, outcome, cluster)

    def tell(self, tell: Tell, now: float, cluster: Cluster) -> None:
        """Make (or count up) the Kubernetes Event; it is part of the plan, so what the door raises stops the plan.

        Only a namespace that is being deleted stops nothing: there an Event can no longer be written, and a finalizer
        that waited for one would hold the namespace for ever.
        """
        identity = (tell.about.uid, tell.reason, tell.message, self._component, self._host)
        name = f"{tell.about.name[:230]}.{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}"
        count, first = self._said.pop(name, (0, now))
        manifest = self._event(tell, name, count + 1, first, now)
        try:
            cluster.carry_out(Apply(EVENTS, manifest["metadata"]["namespace"], name, manifest))
        except Conflict as why:
            self.counters.add("events_not_written_total", reason=tell.reason)
            self._log({"level": "warning", "message": f"event {tell.reason} not written: {why}"})
        self._said[name] = (count + 1, first)
        if len(self._said) > REMEMBERED_EVENTS:
            del self._said[next(iter(self._said))]

    def _note_problem(self, key: Key, plan: Plan) -> None:
        if plan.problem is None:
            self._problems.pop(key, None)
        elif self._problems.get(key) != plan.problem.message:
            self._problems[key] = plan.problem.message
            self._count_error(key, plan.problem.reason)
            told = {"reason": plan.problem.reason, "message": plan.problem.message}
            self._log({"level": "warning", "key": str(key), **told})

    def _note_failure(self, key: Key, plan: Plan, outcome: Failed, cluster: Cluster) -> None:
        intent, error = plan.intents[outcome.done], outcome.error
        reason = reason_of(intent, key)
        self._count_error(key, reason)
        self._log({"level": "error", "key": str(key), "reason": reason, "message": f"{_in_words(intent)}: {error}"})
        if isinstance(error, Invalid) and self._on_bug:
            self._on_bug(f"{key}: {_in_words(intent)}: {error}")
        if isinstance(error, DiskError | Invalid) and plan.about is not None:
            message = f"{self._host}: {_in_words(intent)}: {error}. {REASONS[reason].remedy}"
            try:
                self.tell(Tell(plan.about, reason, message), self._now, cluster)
            except WorldError as why:  # the failure itself stands in the log and in the metric
                self._log({"level": "error", "key": str(key), "message": f"event {reason} not written: {why}"})

    def _count_error(self, key: Key, reason: str) -> None:
        self.counters.add(f"{kinds.metric_of(key.kind)}_error_total", reason=reason)

    def _event(self, tell: Tell, name: str, count: int, first: float, now: float) -> dict[str, Any]:
        about = tell.about
        namespace = about.namespace or "default"  # Events on cluster-scoped objects live there
        involved = {
            "apiVersion": about.resource.api_version,
            "kind": about.resource.kind,
            "name": about.name,
            "uid": about.uid,
        }
        if about.namespace:
            involved["namespace"] = about.namespace
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": tell.reason,
            "message": tell.message[:1024],
            "type": "Warning" if REASONS[tell.reason].warning else "Normal",
            "source": {"component": self._component, "host": self._host},
            "firstTimestamp": stamp(first),
            "lastTimestamp": stamp(now),
            "count": count,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }


def reason_of(intent: Intent, key: Key) -> str:
    """The reason word of an intent that failed, by what it is and which kind it (a file: the decision) is about."""
    match intent:
        case WriteFile():
            return kinds.files_of(key.kind).cannot_save
        case RemoveFile():
            return kinds.files_of(key.kind).cannot_remove
        case Tell():
            return CANNOT[EVENTS]
        case _:
            return {**CANNOT, **{kind.resource: kind.cannot_update for kind in kinds.OURS}}[intent.resource]


def _in_words(intent: Intent) -> str:
    match intent:
        case WriteFile(path, data):
            return f"write {path} ({len(data)} bytes)"
        case RemoveFile(path):
            return f"remove {path}"
        case Tell(about, reason, _):
            return f"tell {about.resource.kind} {about.namespace}/{about.name}: {reason}"
        case _:
            return f"{type(intent).__name__.lower()} {intent.resource.kind} {intent.namespace}/{intent.name}"
