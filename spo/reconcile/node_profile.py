"""The daemon's decision: one profile on our node.

Rules
    1. We own our node status of the profile and the finalizer on it; the profile, with its own finalizer, is the
       manager's, and so is the deletion of node statuses.
    2. Finalizer first, file second, status third; on the way out the finalizer goes last.
    3. No file goes while a pod of this node uses it, or while nobody tells us of pods.

Expected flow
    in   the profile has the manager's finalizer → node status → our finalizer on it → file → Event → Installed
    out  in use: Terminating, until the last of those pods is done → file → the state that is wanted; or, if profile or
         node status is being deleted → file → our finalizer
    gone what is left of a profile that there is no more, file and finalizer, as on the way out

Guarantees
    `Installed` is written after the bytes that it speaks of; their SHA-256 stands beside it. Wherever a plan is cut,
    the next look goes on from there. The file of an installed profile is put back, whoever changed or removed it. What
    stands stays while nobody can say what should (`verdict.keep`).

Assumptions
    A pod that we have not heard of, while we hear of pods, has not started: without the file it will not. Who else
    writes our files is noticed with the next look at the directory.

Does not
    decide what is allowed (`verdict`), delete an object, speak for another node, or need the profile to clear up.
"""

from __future__ import annotations

from typing import Any

from spo.cache import Index, View
from spo.events import Key
from spo.intents import NOTHING, About, Create, Intent, Patch, Plan, Problem, RemoveFile, Tell, WriteFile
from spo.model import labels
from spo.model.builtin import PodUse
from spo.model.listing import listed
from spo.model.manifest import plain, to_manifest
from spo.model.meta import OwnerReference
from spo.model.node_status import SecurityProfileNodeStatus, name_of, node_status
from spo.model.resource import NODE_STATUSES, SECCOMP_PROFILES
from spo.model.seccomp import FILE_SUFFIX, SeccompProfile, file_from_localhost
from spo.model.states import ERROR, INSTALLED, TERMINATING
from spo.reconcile.settings import Settings
from spo.reconcile.verdict import Verdict, about, judge

SHOWN_PODS = 5
LISTEN_AGAIN_S = 5.0  # while nobody tells us which pods run here


def files_in_use(pod: PodUse) -> tuple[str, ...]:
    """The files of ours that a pod needs: until it has finished, its containers may be started again."""
    if pod.finished:
        return ()
    found = (file_from_localhost(name) for name in pod.localhost_profiles)
    return tuple(file for file in found if file is not None)


PODS_BY_FILE = Index(PodUse, files_in_use)


def decide(view: View, key: Key, settings: Settings) -> Plan:
    """What our node has to do for this profile."""
    status = view.one(
        SecurityProfileNodeStatus,
        key.namespace,
        name_of(SECCOMP_PROFILES.kind, key.name, key.namespace, settings.node),
    )
    profile = view.one(SeccompProfile, key.namespace, key.name)
    if profile is None:
        return _clear_away(view, f"{key.namespace}/{key.name}{FILE_SUFFIX}", status)
    if profile.metadata.deleting:
        return _withdraw(view, profile, status, TERMINATING, settings)
    if status is not None and not _is_of(status, profile):
        # Left from a profile of that name that is gone; the manager sends it away, and this one's starts afresh.
        return _release(status) if status.metadata.deleting else NOTHING
    if labels.PROFILE_FINALIZER not in profile.metadata.finalizers:
        return NOTHING  # nothing touches the disk until the manager has made sure that deletion comes past us

    verdict = judge(view, profile, settings)
    if verdict.state == INSTALLED:
        return _install(view, profile, status, verdict, settings)
    if verdict.keep:
        intents = _mark(status, ERROR, verdict.form) if status is not None and status.status != ERROR else ()
        return Plan(intents, about=about(profile), problem=verdict.problem)
    return _withdraw(view, profile, status, verdict.state, settings, verdict.problem)


def _install(
    view: View,
    profile: SeccompProfile,
    status: SecurityProfileNodeStatus | None,
    verdict: Verdict,
    settings: Settings,
) -> Plan:
    if status is None:
        return Plan((_create_status(profile, settings),), about=about(profile))
    if status.metadata.deleting:
        # We are asked to let go, and only the news why is late: most likely the profile goes. If not, it comes back.
        return _withdraw(view, profile, status, TERMINATING, settings)
    if labels.NODE_FINALIZER not in status.metadata.finalizers:
        finalizers = [*status.metadata.finalizers, labels.NODE_FINALIZER]
        return Plan((_patch(status, {"metadata": {"finalizers": finalizers}}),), about=about(profile))

    intents: list[Intent] = []
    to_write = view.file(profile.file) != verdict.form
    to_say = status.status != INSTALLED or _form(status) != verdict.form
    if to_write:
        intents.append(WriteFile(profile.file, verdict.data))
    if to_write or to_say:  # what was written by one who died before it was told is told now
        message = f"Successfully saved profile to disk on {settings.node}"
        intents.append(Tell(about(profile), "SavedSeccompProfile", message))
    if to_say:
        intents += _mark(status, INSTALLED, verdict.form)
    return Plan(tuple(intents), about=about(profile))


def _withdraw(
    view: View,
    profile: SeccompProfile,
    status: SecurityProfileNodeStatus | None,
    state: str,
    settings: Settings,
    problem: Problem | None = None,
) -> Plan:
    """Take the profile off our node, as soon as no pod here uses it."""
    subject = about(profile)
    if not view.hears(PodUse):
        return _wait_for_news_of_pods(view, subject, problem)
    if users := view.among(PODS_BY_FILE, profile.file):
        if status is None or status.status == TERMINATING:
            return Plan(about=subject, problem=problem)
        return Plan((_tell_in_use(subject, users, settings), *_mark(status, TERMINATING, _form(status))), None, subject)

    known = view.file(profile.file) is not None
    if status is None:
        return Plan((RemoveFile(profile.file),) if known else (), about=subject, problem=problem)
    if profile.metadata.deleting or status.metadata.deleting:
        return _release(status, remove=profile.file)
    if not known and status.status == state:
        return Plan(about=subject, problem=problem)
    return Plan((RemoveFile(profile.file), *_mark(status, state, "")), about=subject, problem=problem)


def _clear_away(view: View, file: str, status: SecurityProfileNodeStatus | None) -> Plan:
    """The profile is gone, by whatever way: what is left of it here goes too, once no pod uses it."""
    if not view.hears(PodUse):
        return _wait_for_news_of_pods(view)
    if view.among(PODS_BY_FILE, file):
        return NOTHING
    if status is not None:
        return _release(status, remove=file)
    return Plan((RemoveFile(file),)) if view.file(file) is not None else NOTHING


def _wait_for_news_of_pods(view: View, subject: About | None = None, problem: Problem | None = None) -> Plan:
    """A pod that we have not heard of may need the file: while its news cannot reach us, no file goes."""
    return Plan(wake_at=view.now + LISTEN_AGAIN_S, about=subject, problem=problem)


def _release(status: SecurityProfileNodeStatus, remove: str = "") -> Plan:
    """Let go of our node status. The finalizer goes last: after it nobody will tell us about this profile again."""
    # Even if we know of no file: between two looks at the disk it may have come back.
    intents: tuple[Intent, ...] = (RemoveFile(remove),) if remove else ()
    if labels.NODE_FINALIZER not in status.metadata.finalizers:
        return NOTHING
    finalizers = status.metadata.without_finalizer(labels.NODE_FINALIZER).finalizers
    return Plan((*intents, _patch(status, {"metadata": {"finalizers": list(finalizers)}})))


def _create_status(profile: SeccompProfile, settings: Settings) -> Create:
    metadata = profile.metadata
    status = node_status(SECCOMP_PROFILES.kind, metadata.name, metadata.namespace, settings.node)
    manifest = to_manifest(status)
    owner = OwnerReference(
        SECCOMP_PROFILES.api_version, SECCOMP_PROFILES.kind, metadata.name, metadata.uid, controller=True
    )
    manifest["metadata"]["ownerReferences"] = [plain(owner)]
    return Create(NODE_STATUSES, metadata.namespace, status.metadata.name, manifest)


def _mark(status: SecurityProfileNodeStatus, state: str, form: str) -> tuple[Patch, ...]:
    metadata: dict[str, Any] = {
        "labels": {labels.PROFILE_STATE: state},
        "annotations": {labels.FORM: form or None},
    }
    return (_patch(status, {"metadata": metadata, "status": state}),)


def _patch(status: SecurityProfileNodeStatus, patch: dict[str, Any]) -> Patch:
    metadata = status.metadata
    return Patch(NODE_STATUSES, metadata.namespace, metadata.name, patch, metadata.resource_version)


def _form(status: SecurityProfileNodeStatus) -> str:
    return status.metadata.annotations.get(labels.FORM, "")


def _is_of(status: SecurityProfileNodeStatus, profile: SeccompProfile) -> bool:
    return any(owner.uid == profile.metadata.uid for owner in status.metadata.owner_references)


def _tell_in_use(subject: About, users: list[PodUse], settings: Settings) -> Tell:
    names = [f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in users]
    return Tell(subject, "InUse", f"kept on {settings.node}: used by {listed(names, SHOWN_PODS)}")
