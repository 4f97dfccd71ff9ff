"""What a committed change means to a person: one small function a kind, in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from spo.model import kinds
from spo.model.kinds import OurKind
from spo.model.listing import listed
from spo.model.reasons import REASONS
from spo.model.resource import EVENTS, LEASES, NODES, PODS, SPODS
from spo.model.spod import NAME as SPOD
from spo.model.states import PENDING
from spo.report.partial import OurObject, Pod, decode_event, decode_node, decode_ours, decode_pod
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
    return list(DESCRIBERS.get(change.key.resource, _of_ours)(change, actor))


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
        return listed(value, 6)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "…"


def named(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


# -- our own kinds ------------------------------------------------------------------------------------------------


def _wish(change: Change, actor: Actor, kind: OurKind) -> Iterator[Fact]:
    """An object that users wait for: that it comes, goes, and what state it is in."""
    noun, subject = kind.resource.kind, named(change.key.namespace, change.key.name)
    if change.after is None:
        yield actor.did("", noun, subject, "→ gone")
        return
    after = decode_ours(change.after.body)
    before = decode_ours(change.before.body) if change.before else OurObject()
    if change.before is None:
        yield actor.did("created", noun, subject)
    if after.metadata.deleting and not before.metadata.deleting:
        yield actor.did("deleted", noun, subject, tone="bad")
    state, old = after.state(kind.state_path), before.state(kind.state_path)
    if state == PENDING and not old:
        return  # as every profile begins
    message = after.ready.message
    if state and (state != old or (state == kind.states.bad and message != before.ready.message)):
        unsaid = state in (kind.states.good, PENDING)  # the message says no more than the word
        why = "" if unsaid else with_remedy_apart(message)
        yield actor.did("", noun, subject, f"→ {state}", why, _tone(state, kind))


def _tone(state: str, kind: OurKind) -> Tone:
    return "good" if state == kind.states.good else "bad" if state == kind.states.bad else "plain"


def _spod(change: Change, actor: Actor, kind: OurKind) -> Iterator[Fact]:
    """There is but one that counts, and the operator makes it where nobody does."""
    if change.after is None:
        return
    after = decode_ours(change.after.body)
    before = decode_ours(change.before.body) if change.before else OurObject()
    if change.before is None:
        yield actor.did("created", "the default spod", "")
    state = after.state(kind.state_path)
    if state and state != before.state(kind.state_path):
        tone = _tone(state, kind)
        yield actor.did("", "spod", "", f"→ {state}", after.ready.message if tone == "bad" else "", tone)


def _of_ours(change: Change, actor: Actor) -> Iterator[Fact]:
    """Of node statuses, which only the operator writes, the profile tells."""
    kind = next((each for each in kinds.OURS if each.resource.storage == change.key.resource), None)
    if kind is not None and kind.by_users:
        yield from (_spod if kind.resource == SPODS else _wish)(change, actor, kind)


def _lease(change: Change, actor: Actor) -> Iterator[Fact]:
    def holder(record: Record | None) -> str:
        spec = record.object().get("spec") if record else None
        return str((spec or {}).get("holderIdentity") or "")

    if actor.who == "manager" and change.after and (who := holder(change.after)) and who != holder(change.before):
        yield actor.did("leads:", "", who)


# -- Kubernetes Events: the reasons -------------------------------------------------------------------------------


def _event(change: Change, actor: Actor) -> Iterator[Fact]:
    """Warnings, once each: what kubelets say of a pod stands in the pod's status already."""
    if change.before is not None or change.after is None or actor.who == "kubelet":
        return
    event = decode_event(change.after.body)
    if event.type == "Warning":
        about = event.involved_object
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


def _pod(change: Change, actor: Actor) -> Iterator[Fact]:
    subject = named(change.key.namespace, change.key.name)
    if change.after is None:
        return
    after = decode_pod(change.after.body)
    before = decode_pod(change.before.body) if change.before else NO_POD
    noun = _noun(after.metadata.labels or {})
    if noun != "pod":
        subject = change.key.name  # there is but one namespace it can be in
    if change.before is None:
        yield actor.did("created", noun, subject)
    elif after.metadata.deleting and not before.metadata.deleting:
        yield actor.did("deleted", noun, subject)
    phase, stuck, was_stuck = after.status.phase, after.status.waiting(init=False), before.status.waiting(init=False)
    if stuck and stuck != was_stuck:
        yield actor.did("cannot start", noun, subject, f"· {stuck.reason}", stuck.message, "bad")
    elif phase == "Running" and not stuck and (before.status.phase != phase or was_stuck):
        yield actor.did("started", noun, subject, tone="good")
    elif phase in ENDS and after.metadata.deleting:
        if before.status.phase != phase:
            yield actor.did("stopped", noun, subject)
    elif phase in ENDS and before.status.phase != phase:
        verb, tone = ENDS[phase]
        yield actor.did("saw", noun, subject, verb, _ended(after) if tone == "bad" else "", tone)
    if (why := _unplaced(after)) and why != _unplaced(before):
        yield actor.did("finds no node for", noun, subject, "", why, "bad")


def _unplaced(pod: Pod) -> str:
    return pod.status.unplaced.message if pod.status.unplaced else ""


def _ended(pod: Pod) -> str:
    return pod.status.message or ", ".join(f"{name} exited with {code}" for name, code in pod.status.exit_codes)


def _noun(labels: Mapping[str, str]) -> str:
    return OWN_PODS.get(labels.get("name", ""), "pod") if labels.get("app") == APP else "pod"


NO_POD = Pod()
OWN_PODS = {"spod": "daemon pod", APP: "manager pod"}
ENDS: dict[str, tuple[str, Tone]] = {"Succeeded": ("finish", "plain"), "Failed": ("fail", "bad")}


def _node(change: Change, actor: Actor) -> Iterator[Fact]:
    if change.after is None or change.before is None:
        verb = "removed" if change.after is None else "added"
        yield Actor(actor.who).did(verb, "node", change.key.name)
        return
    now, old = decode_node(change.after.body).ready, decode_node(change.before.body).ready
    if now.status != old.status and (now.status != "True" or old.status):
        end = ("→ Ready", "", "good") if now.status == "True" else ("→ NotReady", now.message, "bad")
        yield Actor(actor.who).did("", "node", change.key.name, *end)  # type: ignore[arg-type]


DESCRIBERS: dict[str, Describer] = {
    LEASES.storage: _lease,
    EVENTS.storage: _event,
    PODS.storage: _pod,
    NODES.storage: _node,
}
