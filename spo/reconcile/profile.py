"""The manager's decision: one profile over all nodes. Only the leader takes it.

Rules
    1. The manager owns the profile's finalizer, annotations and status, and is the only one who deletes objects. A node
       status is its daemon's; what the daemon would do to it is done in its stead only when it cannot do it any more.
    2. On the way in the finalizer comes first: no daemon writes a file without it. On the way out it goes last.
    3. A status is written when it says something new; the Event about a new problem goes before it.

Expected flow
    new       finalizer and annotations → daemons make their node statuses → Pending … Installed, or Error
    rejected  Error; or, where the list says so (A4), a word about it and the deletion
    deleted   node statuses are asked back → each daemon lets go of its own → none is left → the finalizer goes
    gone      what is left of it, or of an older one of that name, is sent away before anything else

Guarantees
    While we know of a node status of it, a profile keeps its finalizer. `Installed` is said when all nodes that report
    have the wanted form, and as many report as the daemon set wants. For the list's sake a profile is deleted only if
    its present form once stood on all nodes: so it is the list that changed. No daemon that is gone is waited for
    without end.

Assumptions
    One leader at a time; should two overlap, every patch is made at a known version. News of nodes and pods may be late
    and clocks differ: a daemon's patience is counted from when *we* saw it asked, by our own clock.

Does not
    touch a file, make a node status, decide what is allowed (`verdict`), or wait: it says when to look again.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from spo.cache import Index, View
from spo.events import Key
from spo.intents import NOTHING, Delete, Intent, Patch, Plan, Tell
from spo.model import labels
from spo.model.builtin import DaemonSetKeep, NodeKeep, SpodPod
from spo.model.listing import listed
from spo.model.manifest import plain
from spo.model.meta import Condition, with_condition
from spo.model.node_status import SecurityProfileNodeStatus
from spo.model.reasons import remedy
from spo.model.resource import NODE_STATUSES, SECCOMP_PROFILES
from spo.model.seccomp import SeccompProfile, SeccompProfileStatus
from spo.model.spod import DELETE, SecurityProfilesOperatorDaemon
from spo.model.spod import NAME as SPOD
from spo.model.states import INSTALLED, PENDING, TERMINATING, overall, ready
from spo.model.times import stamp
from spo.reconcile.settings import Settings
from spo.reconcile.verdict import Verdict, about, judge
from spo.render.remarks import REMARKS
from spo.render.resolve import Resolved
from spo.render.seccomp import annotation

SHOWN_NODES = 5
PATIENCE_S = 40.0  # for a daemon that we do not see; as long as the cluster takes to notice that a node is silent


def profile_of(status: SecurityProfileNodeStatus) -> tuple[str, ...]:
    """The profile that a node status speaks of, as `namespace/name`: its controller."""
    return tuple(
        f"{status.metadata.namespace}/{owner.name}"
        for owner in status.metadata.owner_references
        if owner.kind == SECCOMP_PROFILES.kind
    )


STATUSES_BY_PROFILE = Index(SecurityProfileNodeStatus, profile_of)
STATUSES_BY_NODE = Index(SecurityProfileNodeStatus, lambda status: (status.node_name,))


def decide(view: View, key: Key, settings: Settings) -> Plan:
    """What has to be done for this profile, cluster wide."""
    statuses = view.among(STATUSES_BY_PROFILE, f"{key.namespace}/{key.name}")
    profile = view.one(SeccompProfile, key.namespace, key.name)
    if profile is None:
        return Plan(tuple(_send_away(view, statuses, settings)), wake_at=_patience_ends(view, statuses))
    stale = [status for status in statuses if not _is_of(status, profile)]
    if stale:
        return Plan(tuple(_send_away(view, stale, settings)), _patience_ends(view, stale), about(profile))
    if profile.metadata.deleting:
        return _end(view, profile, statuses, settings)

    verdict = judge(view, profile, settings)
    if verdict.problem is not None and goes(view, profile, verdict, settings):
        metadata = profile.metadata
        return Plan(
            (
                Tell(about(profile), "ProfileRemoved", verdict.problem.message),
                Delete(SECCOMP_PROFILES, metadata.namespace, metadata.name, metadata.uid, metadata.resource_version),
            ),
            about=about(profile),
            problem=verdict.problem,
        )
    if metadata_patch := _metadata(profile, verdict):
        return Plan((_patch(profile, {"metadata": metadata_patch}),), about=about(profile))

    # A node that left the cluster has no daemon to let go of its status; nobody else speaks for it.
    left = [status for status in statuses if not _alive(view, status)]
    living = [status for status in statuses if _alive(view, status)]
    intents: list[Intent] = _send_away(view, left, settings)
    intents += _show(view, profile, _status(view, profile, verdict, living, settings), verdict)
    return Plan(tuple(intents), _patience_ends(view, left), about(profile), verdict.problem)


def goes(view: View, profile: SeccompProfile, verdict: Verdict, settings: Settings) -> bool:
    """Is it the changed list that rejects the profile, and are such to be deleted (A4)?

    The present form was once on all nodes: so it complied then, and only the list can have changed since.
    """
    spod = view.one(SecurityProfilesOperatorDaemon, settings.namespace, SPOD)
    return (
        verdict.problem is not None
        and verdict.problem.reason == "ProfileNotAllowed"
        and profile.status.installed_form == verdict.form
        and spod is not None
        and spod.spec.non_compliant_profiles == DELETE
    )


def _end(view: View, profile: SeccompProfile, statuses: list[SecurityProfileNodeStatus], settings: Settings) -> Plan:
    """The profile is being deleted: ask every node for its status back, and let go when none is left."""
    if labels.PROFILE_FINALIZER not in profile.metadata.finalizers:
        return NOTHING
    if not statuses:
        finalizers = profile.metadata.without_finalizer(labels.PROFILE_FINALIZER).finalizers
        return Plan((_patch(profile, {"metadata": {"finalizers": list(finalizers)}}),), about=about(profile))
    intents = _send_away(view, statuses, settings)
    intents += _show(view, profile, _ending(view, profile, statuses), None)
    return Plan(tuple(intents), _patience_ends(view, statuses), about(profile))


def _send_away(view: View, statuses: list[SecurityProfileNodeStatus], settings: Settings) -> list[Intent]:
    """Delete node statuses; where no daemon is left that could let go of one, let go in its stead."""
    intents: list[Intent] = []
    for status in statuses:
        metadata = status.metadata
        held = labels.NODE_FINALIZER in metadata.finalizers
        if held and _is_silent(view, status) and not _served(view, status, settings):
            finalizers = list(metadata.without_finalizer(labels.NODE_FINALIZER).finalizers)
            patch = {"metadata": {"finalizers": finalizers}}
            intents.append(Patch(NODE_STATUSES, metadata.namespace, metadata.name, patch, metadata.resource_version))
        if not metadata.deleting:
            intents.append(Delete(NODE_STATUSES, metadata.namespace, metadata.name, metadata.uid))
    return intents


def _is_silent(view: View, status: SecurityProfileNodeStatus) -> bool:
    """Was its daemon asked so long ago that it would have answered?

    That we know of no daemon there is no proof: news of nodes and pods comes by other ways than news of node statuses,
    and may be late.
    """
    return status.metadata.deleting and view.now >= _patience_of(view, status)


def _patience_of(view: View, status: SecurityProfileNodeStatus) -> float:
    """Until when its daemon may take to let go: from when *we* saw it asked. The server's clock is not ours."""
    return view.seen_at(SecurityProfileNodeStatus, status.metadata.namespace, status.metadata.name) + PATIENCE_S


def _patience_ends(view: View, statuses: list[SecurityProfileNodeStatus]) -> float | None:
    """When to look again whether a daemon that was asked to let go is there at all."""
    ends = [_patience_of(view, each) for each in statuses if each.metadata.deleting]
    return min((end for end in ends if end > view.now), default=None)


def _alive(view: View, status: SecurityProfileNodeStatus) -> bool:
    return view.one(NodeKeep, "", status.node_name) is not None


def _served(view: View, status: SecurityProfileNodeStatus, settings: Settings) -> bool:
    """Is there, or will there be, a daemon on that node?"""
    if not _alive(view, status):
        return False
    daemons = view.one(DaemonSetKeep, settings.namespace, SPOD)
    if daemons is None or not daemons.rolled_out:
        return True  # pods come and go: wait
    return any(pod.spec.node_name == status.node_name for pod in view.among(DAEMONS_BY_NODE, status.node_name))


DAEMONS_BY_NODE = Index(SpodPod, lambda pod: (pod.spec.node_name,))


def _metadata(profile: SeccompProfile, verdict: Verdict) -> dict[str, Any]:
    """What is missing of finalizer and annotations (B0, B6); empty if nothing."""
    patch: dict[str, Any] = {}
    metadata = profile.metadata
    if labels.PROFILE_FINALIZER not in metadata.finalizers:
        patch["finalizers"] = [*metadata.finalizers, labels.PROFILE_FINALIZER]
    wanted: dict[str, str | None] = {}
    if verdict.resolved is not None:
        wanted[labels.SYSCALLS] = annotation(verdict.resolved)
        wanted[labels.BASES] = ",".join(verdict.resolved.bases) or None
    changed = {name: text for name, text in wanted.items() if metadata.annotations.get(name) != text}
    return {**patch, "annotations": changed} if changed else patch


def _status(
    view: View,
    profile: SeccompProfile,
    verdict: Verdict,
    statuses: list[SecurityProfileNodeStatus],
    settings: Settings,
) -> SeccompProfileStatus:
    """The profile's status as it should read: the worst of what is wanted and of what all nodes report (J1)."""
    state = verdict.state
    if state == INSTALLED:
        daemons = view.one(DaemonSetKeep, settings.namespace, SPOD)
        expected = daemons.status.desired_number_scheduled if daemons is not None else 0
        states = [status.status if _form(status) == verdict.form else PENDING for status in statuses]
        state = overall([*states, PENDING] if len(states) < max(expected, 1) else states)
        message = _progress(statuses, verdict, expected) if state != INSTALLED else "installed on all nodes"
    else:
        message = verdict.problem.message if verdict.problem is not None else f"the profile is {state.lower()}"
        if kept := [status.node_name for status in statuses if status.status == TERMINATING]:
            message += f" Still in use on {listed(kept, SHOWN_NODES)}."
    reason = verdict.problem.reason if verdict.problem is not None else ready(state)[1]
    form = {INSTALLED: verdict.form, PENDING: profile.status.installed_form}.get(state, "")
    if verdict.state != INSTALLED and not verdict.keep:
        form = ""
    return _with(view, profile, verdict.resolved, state, reason, message, form)


def _ending(view: View, profile: SeccompProfile, statuses: list[SecurityProfileNodeStatus]) -> SeccompProfileStatus:
    used = [status.node_name for status in statuses if status.status == TERMINATING]
    message = f"in use on {listed(used, SHOWN_NODES)}. {remedy('InUse')}" if used else "being removed from all nodes"
    return _with(view, profile, None, TERMINATING, ready(TERMINATING)[1], message, profile.status.installed_form)


def _with(
    view: View, profile: SeccompProfile, resolved: Resolved | None, state: str, reason: str, message: str, form: str
) -> SeccompProfileStatus:
    now, generation = stamp(view.now), profile.metadata.generation
    is_ready = "True" if state == INSTALLED else "False"
    conditions = with_condition(
        profile.status.conditions, Condition("Ready", is_ready, reason, message, now, generation)
    )
    for remark in REMARKS:
        text = remark.message(profile, resolved)
        if text:
            remarked = Condition(remark.condition, "False", remark.reason, text, now, generation)
            conditions = with_condition(conditions, remarked)
        elif text is not None and any(condition.type == remark.condition for condition in conditions):
            fine = Condition(remark.condition, "True", remark.well, remark.well_message, now, generation)
            conditions = with_condition(conditions, fine)
    return SeccompProfileStatus(conditions, state, "", (), profile.localhost_profile, form)


def _show(view: View, profile: SeccompProfile, wanted: SeccompProfileStatus, verdict: Verdict | None) -> list[Intent]:
    """Write the status if it says something new; an Event comes with a new problem."""
    present = profile.status
    if _says(present) == _says(wanted):
        return []
    intents: list[Intent] = []
    problem = verdict.problem if verdict is not None else None
    if problem is not None and all(problem.message not in condition.message for condition in present.conditions):
        intents.append(Tell(about(profile), problem.reason, problem.message))
    patch = {**plain(wanted), "installedForm": wanted.installed_form or None}
    return [*intents, _patch(profile, {"status": patch}, "status")]


def _says(status: SeccompProfileStatus) -> tuple[Any, ...]:
    told = tuple(replace(each, last_transition_time="") for each in status.conditions)
    return (status.status, status.localhost_profile, status.installed_form, told)


def _progress(statuses: list[SecurityProfileNodeStatus], verdict: Verdict, expected: int) -> str:
    done = sum(status.status == INSTALLED and _form(status) == verdict.form for status in statuses)
    # A count would be written again with every node; that some are missing is enough here.
    return "waiting for nodes" if expected == 0 or done < expected else "being installed"


def _patch(profile: SeccompProfile, patch: dict[str, Any], subresource: str = "") -> Patch:
    metadata = profile.metadata
    return Patch(SECCOMP_PROFILES, metadata.namespace, metadata.name, patch, metadata.resource_version, subresource)


def _form(status: SecurityProfileNodeStatus) -> str:
    return status.metadata.annotations.get(labels.FORM, "")


def _is_of(status: SecurityProfileNodeStatus, profile: SeccompProfile) -> bool:
    return any(owner.uid == profile.metadata.uid for owner in status.metadata.owner_references)
