"""What a committed change means to a person: one small function a kind, in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from spo.model.reasons import REASONS
from spo.model.resource import EVENTS, LEASES, NODES, PODS, SECCOMP_PROFILES, SPODS
from spo.model.spod import NAME as SPOD
from spo.model.states import ERROR, INSTALLED, PENDING
from spo.report.timeline import Fact, Tone
from spo.sim.store import Change, Record

YOU = "you"
APP = "security-profiles-operator"

Describer = Callable[[Change, "Actor"], Iterator[Fact]]


class Actor(Struct, frozen=True):
    """Who made a request: a part of the cluster, and the node it sits on (empty: it sits on none)."""

    who: str
    node: str = ""

    def did(self, verb: str, noun: str, subject: str, tail: str = "", why: str = "", tone: Tone = "plain") -> Fact:
        """A fact without its time."""
        return Fact(0, self.who, verb, noun, subject, tail, why, self.node, tone)


def describe(change: Change, actor: Actor) -> list[Fact]:
    """What to tell of this change, if anything."""
    if actor.who == YOU:
        return list(_by_hand(change, actor))
    describer = DESCRIBERS.get(change.key.resource)
    return list(describer(change, actor)) if describer else []


# -- by hand: every change is worth a line ------------------------------------------------------------------------


def _by_hand(change: Change, actor: Actor) -> Iterator[Fact]:
    record = change.after or change.before
    assert record is not None
    obj = record.object()
    kind, subject = str(obj.get("kind", change.key.resource)), named(change.key.namespace, change.key.name)
    kind, subject = ("spod", "") if (kind, change.key.name) == (SPODS.kind, SPOD) else (kind, subject)
    if change.after is None:
        yield actor.did("deleted", kind, subject, tone="you")
    elif change.before is None:
        yield actor.did("applied", kind, subject, tone="you")
    else:
        before = change.before.object()
        if obj["metadata"].get("deletionTimestamp") and not before["metadata"].get("deletionTimestamp"):
            yield actor.did("deleted", kind, subject, tone="you")
        else:
            yield actor.did("changed", kind, subject, _difference(before, obj), tone="you")


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The fields of spec that changed, with their values: `allowedSyscalls: nothing → exit, futex`."""
    old, new = before.get("spec"), after.get("spec")
    if not isinstance(old, dict) or not isinstance(new, dict):
        old, new = ({k: v for k, v in o.items() if k not in ("metadata", "status")} for o in (before, after))
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if not changed:
        return "(metadata only)"
    return "· " + "; ".join(f"{name}: {short(old.get(name))} → {short(new.get(name))}" for name in changed)


def short(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing"
    if value in ([], {}, ""):
        return "empty"
    if isinstance(value, list) and all(isinstance(part, (str, int)) for part in value):
        rest = len(value) - 6
        return ", ".join(str(part) for part in value[:6]) + (f" and {rest} more" if rest > 0 else "")
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "…"


def named(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


# -- our own kinds ------------------------------------------------------------------------------------------------


class _Condition(Struct):
    type: str
    status: str = ""
    reason: str = ""
    message: str = ""


class _Status(Struct):
    status: str = ""
    state: str = ""
    conditions: list[_Condition] = field(default_factory=list)


class _Metadata(Struct):
    deletionTimestamp: str | None = None  # noqa: N815  # the manifest's word


class _Ours(Struct):
    """What we look at in a profile or spod."""

    metadata: _Metadata = field(default_factory=_Metadata)
    status: _Status = field(default_factory=_Status)

    def state(self) -> tuple[str, str]:
        """The state, and what the condition Ready says about it."""
        ready = next((c for c in self.status.conditions if c.type == "Ready"), _Condition("Ready"))
        return self.status.status or self.status.state, ready.message


_decode_ours = msgspec.json.Decoder(_Ours).decode


UNSAID = frozenset({INSTALLED, PENDING})  # their messages say no more than the word


def _profile(change: Change, actor: Actor) -> Iterator[Fact]:
    subject = named(change.key.namespace, change.key.name)
    if change.after is None:
        yield actor.did("", "SeccompProfile", subject, "→ gone")
        return
    after = _decode_ours(change.after.body)
    before = _decode_ours(change.before.body) if change.before else _Ours()
    if change.before is None:
        yield actor.did("created", "SeccompProfile", subject)
    if after.metadata.deletionTimestamp and not before.metadata.deletionTimestamp:
        yield actor.did("deleted", "SeccompProfile", subject, tone="bad")
    (state, message), (old, old_message) = after.state(), before.state()
    if state == PENDING and not old:
        return  # as every profile begins
    if state and (state != old or (state == ERROR and message != old_message)):
        tone: Tone = {INSTALLED: "good", ERROR: "bad"}.get(state, "plain")  # type: ignore[assignment]
        yield actor.did(
            "", "SeccompProfile", subject, f"→ {state}", with_remedy_apart(message) if state not in UNSAID else "", tone
        )


def _spod(change: Change, actor: Actor) -> Iterator[Fact]:
    if change.after is None:
        return
    after = _decode_ours(change.after.body)
    before = _decode_ours(change.before.body) if change.before else _Ours()
    if change.before is None:
        yield actor.did("created", "the default spod", "")
    (state, message), (old, _) = after.state(), before.state()
    if state and state != old:
        tone: Tone = "bad" if state == "ERROR" else "good" if state == "RUNNING" else "plain"
        yield actor.did("", "spod", "", f"→ {state}", message if tone == "bad" else "", tone)


class _NodeStatus(Struct):
    nodeName: str = ""  # noqa: N815
    status: str = ""


def _lease(change: Change, actor: Actor) -> Iterator[Fact]:
    def holder(record: Record | None) -> str:
        spec = record.object().get("spec") if record else None
        return str((spec or {}).get("holderIdentity") or "")

    if actor.who == "manager" and change.after and (who := holder(change.after)) and who != holder(change.before):
        yield actor.did("leads:", "", who)


# -- Kubernetes Events: the reasons -------------------------------------------------------------------------------


class _Involved(Struct):
    kind: str = ""
    namespace: str = ""
    name: str = ""


class _EventSource(Struct):
    host: str = ""


class _Event(Struct):
    reason: str = ""
    message: str = ""
    type: str = ""
    involvedObject: _Involved = field(default_factory=_Involved)  # noqa: N815
    source: _EventSource = field(default_factory=_EventSource)


_decode_event = msgspec.json.Decoder(_Event).decode


def _event(change: Change, actor: Actor) -> Iterator[Fact]:
    """Warnings, once each: what kubelets say of a pod stands in the pod's status already."""
    if change.before is not None or change.after is None or actor.who == "kubelet":
        return
    event = _decode_event(change.after.body)
    if event.type == "Warning":
        about = event.involvedObject
        subject = named(about.namespace, about.name)
        node = event.source.host if actor.who == "daemon" else ""
        why = f"{event.reason}: {with_remedy_apart(event.message)}"
        yield replace(Actor(actor.who, node).did("warns of", about.kind, subject, "", why, "bad"), remark=True)


def with_remedy_apart(message: str) -> str:
    """The operator ends its messages with what the reader can do: on a line of its own."""
    known = next((text for text in _REMEDIES if message.endswith(text)), "")
    return f"{message.removesuffix(known).rstrip()}\n→ {known}" if known else message


_REMEDIES = tuple(dict.fromkeys(known.remedy for known in REASONS.values() if known.remedy))


# -- pods and nodes -----------------------------------------------------------------------------------------------


class _Waiting(Struct):
    reason: str = ""
    message: str = ""


class _Terminated(Struct):
    reason: str = ""
    message: str = ""
    exitCode: int = 0  # noqa: N815


class _State(Struct):
    waiting: _Waiting | None = None
    terminated: _Terminated | None = None


class _Container(Struct):
    name: str = ""
    restartCount: int = 0  # noqa: N815
    state: _State = field(default_factory=_State)


class _PodStatus(Struct):
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[_Condition] = field(default_factory=list)
    containerStatuses: list[_Container] = field(default_factory=list)  # noqa: N815


class _PodMetadata(Struct):
    labels: dict[str, str] = field(default_factory=dict)
    deletionTimestamp: str | None = None  # noqa: N815


class _Pod(Struct):
    metadata: _PodMetadata = field(default_factory=_PodMetadata)
    status: _PodStatus = field(default_factory=_PodStatus)

    def stuck(self) -> tuple[str, str]:
        """Why a container waits, if it waits for something to be mended: reason and message."""
        for container in self.status.containerStatuses:
            waiting = container.state.waiting
            if waiting and waiting.reason not in ("", "ContainerCreating", "PodInitializing"):
                return waiting.reason, waiting.message
        return "", ""

    def unplaced(self) -> str:
        """Why the scheduler found no node, if so."""
        placed = next((c for c in self.status.conditions if c.type == "PodScheduled"), None)
        return placed.message if placed and placed.status == "False" else ""

    def ended(self) -> str:
        """How the containers ended."""
        ended = [(c.name, c.state.terminated) for c in self.status.containerStatuses]
        return self.status.message or ", ".join(f"{name} exited with {end.exitCode}" for name, end in ended if end)


_decode_pod = msgspec.json.Decoder(_Pod).decode
_NO_POD = _Pod()


def _pod(change: Change, actor: Actor) -> Iterator[Fact]:
    subject = named(change.key.namespace, change.key.name)
    if change.after is None:
        return
    after = _decode_pod(change.after.body)
    before = _decode_pod(change.before.body) if change.before else _NO_POD
    noun = _noun(after.metadata.labels)
    if noun != "pod":
        subject = change.key.name  # there is but one namespace it can be in
    if change.before is None:
        yield actor.did("created", noun, subject)
    elif after.metadata.deletionTimestamp and not before.metadata.deletionTimestamp:
        yield actor.did("deleted", noun, subject)
    phase, (reason, message) = after.status.phase, after.stuck()
    if reason and (reason, message) != before.stuck():
        yield actor.did("cannot start", noun, subject, f"· {reason}", message, "bad")
    elif phase == "Running" and not reason and (before.status.phase != phase or before.stuck()[0]):
        yield actor.did("started", noun, subject, tone="good")
    elif phase in ENDS and after.metadata.deletionTimestamp:
        if before.status.phase != phase:
            yield actor.did("stopped", noun, subject)
    elif phase in ENDS and before.status.phase != phase:
        verb, tone = ENDS[phase]
        yield actor.did("saw", noun, subject, verb, after.ended() if tone == "bad" else "", tone)
    if (why := after.unplaced()) and why != before.unplaced():
        yield actor.did("finds no node for", noun, subject, "", why, "bad")


def _noun(labels: Mapping[str, str]) -> str:
    return OWN_PODS.get(labels.get("name", ""), "pod") if labels.get("app") == APP else "pod"


OWN_PODS = {"spod": "daemon pod", APP: "manager pod"}
ENDS: dict[str, tuple[str, Tone]] = {"Succeeded": ("finish", "plain"), "Failed": ("fail", "bad")}


class _Node(Struct):
    status: _Status = field(default_factory=_Status)

    def ready(self) -> tuple[str, str]:
        condition = next((c for c in self.status.conditions if c.type == "Ready"), _Condition("Ready"))
        return condition.status, condition.message


_decode_node = msgspec.json.Decoder(_Node).decode


def _node(change: Change, actor: Actor) -> Iterator[Fact]:
    if change.after is None or change.before is None:
        verb = "removed" if change.after is None else "added"
        yield Actor(actor.who).did(verb, "node", change.key.name)
        return
    (status, why), (old, _) = _decode_node(change.after.body).ready(), _decode_node(change.before.body).ready()
    if status != old and (status != "True" or old):
        end = ("→ Ready", "", "good") if status == "True" else ("→ NotReady", why, "bad")
        yield Actor(actor.who).did("", "node", change.key.name, *end)  # type: ignore[arg-type]


DESCRIBERS: dict[str, Describer] = {
    SECCOMP_PROFILES.storage: _profile,
    SPODS.storage: _spod,
    LEASES.storage: _lease,
    EVENTS.storage: _event,
    PODS.storage: _pod,
    NODES.storage: _node,
}
