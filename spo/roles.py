"""What each process is made of: what it wants to know, what it decides, and which news makes what due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from spo.cache import Change, Index, View
from spo.doors.ports import ProfileDirectory
from spo.events import FileSeen, Key
from spo.intents import NOTHING, Plan
from spo.interest import Interest
from spo.loop import Role
from spo.model import labels
from spo.model.builtin import DaemonSetKeep, EventKeep, LeaseKeep, NodeKeep, PodUse, SpodPod
from spo.model.node_status import SecurityProfileNodeStatus
from spo.model.resource import DAEMONSETS, EVENTS, LEASES, NODE_STATUSES, NODES, PODS, SECCOMP_PROFILES, SPODS
from spo.model.seccomp import FILE_SUFFIX, SeccompProfile
from spo.model.spod import NAME as SPOD
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.model.spod_fields import FIELDS, Concern
from spo.reconcile import leader, node_profile, own_profile, profile, spod
from spo.reconcile.settings import Settings

FAILURES_OF_DAEMON_SET = f"involvedObject.kind={DAEMONSETS.kind},involvedObject.name={SPOD},reason=FailedCreate"
GATHER_S = 0.25
DAEMON_LABELS = f"app={labels.APP},name={SPOD}"

PROFILES_BY_BASE = Index(
    SeccompProfile, lambda each: (each.spec.base_profile_name,) if each.spec.base_profile_name else ()
)


def daemon(settings: Settings) -> Role:
    """The process on every node: puts profiles on its disk, and says so in node statuses."""
    of_this_node = f"{labels.NODE_NAME}={labels.label_value(settings.node)}"
    return Role(
        name="daemon",
        interests=(
            Interest(SECCOMP_PROFILES, SeccompProfile),
            Interest(SPODS, SecurityProfilesOperatorDaemon, namespace=settings.namespace),
            Interest(NODE_STATUSES, SecurityProfileNodeStatus, labels=of_this_node),
            Interest(PODS, PodUse, fields=f"spec.nodeName={settings.node}"),
        ),
        indexes=(node_profile.PODS_BY_FILE, PROFILES_BY_BASE),
        marks={
            SeccompProfile: _with_dependents,
            SecurityProfilesOperatorDaemon: _all_if_policy_changed,
            SecurityProfileNodeStatus: _profile_of_status,
            PodUse: _profiles_of_pod,
            FileSeen: _profile_of_file,
        },
        decisions={
            SECCOMP_PROFILES.kind: partial(node_profile.decide, settings=settings),
            own_profile.KEY.kind: own_profile.decide,
        },
        duties=(own_profile.KEY,),
        node_doors=(ProfileDirectory,),
    )


def manager(settings: Settings) -> Role:
    """The process that decides for the whole cluster: the daemon set, and each profile over all nodes."""
    own = settings.namespace
    lock = Key(LEASES.kind, own, leader.LOCK)
    spod_key = Key(SPODS.kind, own, SPOD)
    return Role(
        name="manager",
        interests=(
            Interest(SECCOMP_PROFILES, SeccompProfile),
            Interest(NODE_STATUSES, SecurityProfileNodeStatus, timed=True),
            Interest(SPODS, SecurityProfilesOperatorDaemon),  # one in the wrong namespace is told that it is not read
            Interest(DAEMONSETS, DaemonSetKeep, namespace=own, fields=f"metadata.name={SPOD}"),
            Interest(PODS, SpodPod, namespace=own, labels=DAEMON_LABELS),
            Interest(EVENTS, EventKeep, namespace=own, fields=FAILURES_OF_DAEMON_SET),
            Interest(NODES, NodeKeep),
            Interest(LEASES, LeaseKeep, namespace=own, fields=f"metadata.name={leader.LOCK}", timed=True),
        ),
        indexes=(profile.STATUSES_BY_PROFILE, profile.STATUSES_BY_NODE, profile.DAEMONS_BY_NODE, PROFILES_BY_BASE),
        marks={
            SeccompProfile: _with_dependents,
            SecurityProfileNodeStatus: _profile_of_status,
            SecurityProfilesOperatorDaemon: partial(_spod_and_policy, spod_key=spod_key),
            DaemonSetKeep: partial(_spod_and_coverage, spod_key=spod_key),
            SpodPod: partial(_spod_and_profiles_on_node, spod_key=spod_key),
            EventKeep: lambda view, change: (spod_key,),
            NodeKeep: _profiles_on_node,
            LeaseKeep: partial(_all_if_leader_changed, spod_key=spod_key),
        },
        decisions={
            SECCOMP_PROFILES.kind: partial(_if_leader, decide=profile.decide, settings=settings),
            SPODS.kind: partial(_if_leader, decide=spod.decide, settings=settings),
            LEASES.kind: partial(leader.decide, identity=settings.identity),
        },
        duties=(lock, spod_key),
        # Each of n nodes reports by itself, and a look at a profile goes through the reports of all n.
        patience={SecurityProfileNodeStatus: GATHER_S, DaemonSetKeep: GATHER_S, SpodPod: GATHER_S},
        farewell=partial(leader.release, key=lock, identity=settings.identity),
    )


def settings_from(environment: Mapping[str, str], identity: str) -> Settings:
    """What a role knows of itself: what its pod's manifest says; `identity` where that names no pod."""
    return Settings(
        namespace=environment.get("OPERATOR_NAMESPACE", labels.APP),
        identity=environment.get("POD_NAME", identity),
        node=environment.get("NODE_NAME", ""),
        image=environment.get("OPERATOR_IMAGE", ""),
        pull_policy=environment.get("OPERATOR_IMAGE_PULL_POLICY", "IfNotPresent"),
        kubelet_dir=environment.get("KUBELET_DIR", "/var/lib/kubelet"),
    )


def _if_leader(view: View, key: Key, decide: Callable[[View, Key, Settings], Plan], settings: Settings) -> Plan:
    if leader.leads(view, settings.namespace, settings.identity):
        return decide(view, key, settings)
    # Who held the lease and is late with renewing may come back without anybody noticing: ask again.
    late = leader.holds(view, settings.namespace, settings.identity)
    return Plan(wake_at=view.now + leader.RENEW_EVERY_S) if late else NOTHING


# -- which news makes what due -------------------------------------------------------------------------------------


def _with_dependents(view: View, change: Change) -> Iterator[Key]:
    """A profile, and all that is built on it, however far (B3)."""
    seen, todo = {change.key}, [change.key]
    while todo:
        base = todo.pop()
        yield base
        for built in view.among(PROFILES_BY_BASE, base.name):
            dependent = Key(base.kind, built.metadata.namespace, built.metadata.name)
            if dependent not in seen:
                seen.add(dependent)
                todo.append(dependent)


def _profile_of_status(view: View, change: Change) -> Iterator[Key]:
    for status in (change.before, change.after):
        if status is not None:
            yield from _profiles_of((status,))


def _profiles_of_pod(view: View, change: Change) -> Iterator[Key]:
    pods = [pod for pod in (change.before, change.after) if pod is not None]
    for file in dict.fromkeys(file for pod in pods for file in node_profile.files_in_use(pod)):
        yield from _profile_named_by(file)


def _profile_of_file(view: View, change: Change) -> Iterable[Key]:
    """An object's; or our own, which is none."""
    return (change.key,) if change.key == own_profile.KEY else _profile_named_by(change.key.name)


def _profile_named_by(file: str) -> Iterator[Key]:
    """The profile whose file this is, by the path alone: there may be no such profile any more."""
    namespace, slash, name = file.partition("/")
    if slash and "/" not in name and name.endswith(FILE_SUFFIX):
        yield Key(SECCOMP_PROFILES.kind, namespace, name.removesuffix(FILE_SUFFIX))


def _all_if_policy_changed(view: View, change: Change) -> Iterable[Key]:
    if change.key.name == SPOD and _policy(change.before) != _policy(change.after):
        return _all_profiles(view)
    return ()


def _spod_and_policy(view: View, change: Change, spod_key: Key) -> Iterator[Key]:
    yield change.key
    yield spod_key
    yield from _all_if_policy_changed(view, change)


def _spod_and_coverage(view: View, change: Change, spod_key: Key) -> Iterator[Key]:
    yield spod_key
    if _coverage(change.before) != _coverage(change.after):
        yield from _all_profiles(view)


def _profiles_on_node(view: View, change: Change) -> Iterable[Key]:
    """A node came or went; what else happens to it is not our business."""
    if change.before is not None and change.after is not None:
        return ()
    return _profiles_of(view.among(profile.STATUSES_BY_NODE, change.key.name))


def _spod_and_profiles_on_node(view: View, change: Change, spod_key: Key) -> Iterator[Key]:
    """A daemon came or went; or it starts, or says why it does not."""
    before, after = change.before, change.after
    if before is None or after is None:
        yield from _profiles_of(view.among(profile.STATUSES_BY_NODE, (before or after).spec.node_name))
    elif before.waits_for != after.waits_for:
        yield spod_key


def _all_if_leader_changed(view: View, change: Change, spod_key: Key) -> Iterator[Key]:
    yield change.key
    if _holder(change.before) != _holder(change.after):  # a new leader looks at everything
        yield spod_key
        yield from _all_profiles(view)


def _profiles_of(statuses: Iterable[SecurityProfileNodeStatus]) -> Iterator[Key]:
    for status in statuses:
        for name in profile.profile_of(status):
            namespace, _, own_name = name.partition("/")
            yield Key(SECCOMP_PROFILES.kind, namespace, own_name)


def _all_profiles(view: View) -> Iterator[Key]:
    for each in view.all(SeccompProfile):
        yield Key(SECCOMP_PROFILES.kind, each.metadata.namespace, each.metadata.name)


def _policy(found: SecurityProfilesOperatorDaemon | None) -> object:
    """What of spod the verdict on a profile depends on."""
    if found is None:
        return None
    return [each.of(found.spec) for each in FIELDS if each.concern is Concern.PROFILES]


def _coverage(found: DaemonSetKeep | None) -> object:
    return None if found is None else (found.status.desired_number_scheduled, found.rolled_out)


def _holder(found: LeaseKeep | None) -> str:
    return "" if found is None else found.spec.holder_identity


ROLES: Mapping[str, Callable[[Settings], Role]] = {"manager": manager, "daemon": daemon}
