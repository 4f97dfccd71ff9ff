"""How the world stands at the end: every profile on every node, pods that could not start, and what was rejected."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

import msgspec
from msgspec import Struct, field

from spo.model import kinds
from spo.model.kinds import OurKind
from spo.model.reasons import REASONS
from spo.model.resource import GROUP, NODE_STATUSES, SECCOMP_PROFILES, SPODS
from spo.model.states import PENDING
from spo.report.partial import (
    USUAL_PATHS,
    Condition,
    OurObject,
    PodStatus,
    decode_node_status,
    decode_ours,
    decode_pod,
)
from spo.sim.store import Record, Store, StoreKey

PROFILE_FILE = re.compile(r"seccomp profile \"[^\"]*/seccomp/(operator/)?([^/\"]+)/([^/\"]+?)(\.json)?\"")


class ProfileState(Struct, frozen=True, rename="camel"):
    """One profile: its own state and the state on each node."""

    namespace: str
    name: str
    state: str
    reason: str
    message: str
    nodes: Mapping[str, str]
    deleting: bool = False
    satisfied: bool = False
    remarks: list[str] = []


class ObjectState(Struct, frozen=True, rename="camel"):
    """An object of our group that users write, and that is no profile."""

    kind: str
    namespace: str
    name: str
    state: str
    reason: str
    message: str
    deleting: bool
    satisfied: bool


class Setting(Struct, frozen=True, rename="camel"):
    """Something in a spod that has no effect, or not the one that was meant."""

    namespace: str
    name: str
    reason: str
    message: str


class StuckPod(Struct, frozen=True, rename="camel"):
    """A pod that could not start, or that failed."""

    namespace: str
    name: str
    node: str
    reason: str
    message: str
    remedy: str = ""
    refused: str = ""  # the syscall that its profile refused, and that it ended over


class BrokenWorkload(Struct, frozen=True, rename="camel"):
    """What cannot start its next pod: its profile is gone, or in this state."""

    namespace: str
    workload: str
    profile: str
    state: str


class Rejected(Struct, frozen=True, rename="camel"):
    """An object of the input that the API server refused, or that the operator took away."""

    object: str
    source: str
    message: str
    remedy: str = ""


class Summary(Struct, frozen=True, rename="camel"):
    """All of it. Profiles in `operator_namespace` came with the operator."""

    profiles: list[ProfileState] = field(default_factory=list)
    objects: list[ObjectState] = field(default_factory=list)
    pods: list[StuckPod] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    operator_namespace: str = ""
    workloads: list[BrokenWorkload] = field(default_factory=list)
    strict: bool = False  # a remark on a profile is a no, too

    @property
    def satisfied(self) -> bool:
        standing = all(each.satisfied for each in self.profiles) and all(each.satisfied for each in self.objects)
        return standing and not (self.rejected or self.pods or self.settings or self.workloads or self.too_lax)

    @property
    def too_lax(self) -> list[ProfileState]:
        """Where any remark counts: the profiles that have one."""
        theirs = (each for each in self.profiles if each.namespace != self.operator_namespace)
        return [each for each in theirs if each.remarks] if self.strict else []


def summarize(
    store: Store,
    operator_namespace: str,
    *,
    rejected: Sequence[Rejected] = (),
    notes: Sequence[str] = (),
    failed_before: Collection[str] = (),
    refused: Mapping[StoreKey, str] | None = None,
    workloads: Sequence[BrokenWorkload] = (),
    strict: bool = False,
) -> Summary:
    """How the world in this store stands. `failed_before` and `refused` are as `stuck_pods` has them."""
    return Summary(
        profiles(store),
        objects(store),
        stuck_pods(store, failed_before, refused),
        [*rejected],
        settings(store),
        [*notes],
        operator_namespace,
        [*workloads],
        strict,
    )


def profiles(store: Store) -> list[ProfileState]:
    """Every profile in the cluster, by namespace and name."""
    on_nodes: dict[tuple[str, str], dict[str, str]] = {}
    for record in store.scan(NODE_STATUSES.storage):
        status = decode_node_status(record.body)
        for owner in status.metadata.owner_references:
            if owner.kind == SECCOMP_PROFILES.kind:
                on_nodes.setdefault((record.key.namespace, owner.name), {})[status.node_name] = status.status
    kind = next(each for each in kinds.OURS if each.resource == SECCOMP_PROFILES)
    found = []
    for record in store.scan(SECCOMP_PROFILES.storage):
        profile = decode_ours(record.body)
        nodes = on_nodes.get((record.key.namespace, record.key.name), {})
        found.append(
            ProfileState(
                record.key.namespace,
                record.key.name,
                profile.state(kind.state_path) or PENDING,
                profile.ready.reason,
                profile.ready.message or "the operator has not looked at it yet",
                dict(sorted(nodes.items())),
                profile.metadata.deleting,
                _is_satisfied(profile, kind),
                [f"{each.reason}: {each.message}" for each in profile.conditions if _is_remark(each)],
            )
        )
    return found


def _is_satisfied(found: OurObject, kind: OurKind | None) -> bool:
    """Ready, or in a state in which nobody need do anything about it; and there to stay."""
    as_wished = kind is not None and found.state(kind.state_path) in kind.states.as_wished
    return (found.ready.status == "True" or as_wished) and not found.metadata.deleting


def objects(store: Store) -> list[ObjectState]:
    """Every other object of our group that users write, by kind, namespace and name.

    Of a kind that is not ours, too, and that the input defines: whoever applies such an object waits for something.
    """
    ours = {kind.resource.storage: kind for kind in kinds.OURS}
    found = []
    for resource in store.resources():
        kind = ours.get(resource)
        if not resource.endswith(f".{GROUP}") or resource == SECCOMP_PROFILES.storage or (kind and not kind.by_users):
            continue
        paths = (kind.state_path,) if kind else USUAL_PATHS
        found += [_object(record, kind, paths) for record in store.scan(resource)]
    return found


def _object(record: Record, kind: OurKind | None, paths: Iterable[tuple[str, ...]]) -> ObjectState:
    each = decode_ours(record.body)
    ready = each.ready
    unsaid = "nobody has said whether it is ready" if each.status else "nobody has said anything of it"
    return ObjectState(
        kind.resource.kind if kind else each.kind,
        record.key.namespace,
        record.key.name,
        each.state(*paths),
        ready.reason,
        ready.message or ("" if ready.status else unsaid),
        each.metadata.deleting,
        _is_satisfied(each, kind),
    )


def _is_remark(condition: Condition) -> bool:
    return condition.type != "Ready" and condition.status == "False"


def settings(store: Store) -> list[Setting]:
    """What the operator has to say against the settings in each spod, and what keeps its daemons from coming up."""
    found: dict[tuple[str, str, str], Setting] = {}
    for record in store.scan(SPODS.storage):
        for condition in decode_ours(record.body).conditions:
            known = REASONS.get(condition.reason)
            if _is_remark(condition) or (condition.status == "False" and known is not None and known.remedy):
                setting = Setting(record.key.namespace, record.key.name, condition.reason, condition.message)
                found[setting.namespace, setting.name, setting.reason] = setting
    return [*found.values()]


def stuck_pods(
    store: Store, failed_before: Collection[str] = (), refused: Mapping[StoreKey, str] | None = None
) -> list[StuckPod]:
    """Pods that wait for something to be mended, found no node, or failed.

    `failed_before`: uids of pods that had failed at the start, and of owners whose pods had: that is no news.
    `refused`: over which syscall a pod's program ended, as only the kernels know.
    """
    found = []
    for record in store.scan("pods"):
        pod = decode_pod(record.body)
        problem = _problem(pod.status)
        if problem is None:
            continue
        reason, message = problem
        known = (pod.metadata.uid, *(owner.uid for owner in pod.metadata.owner_references))
        if reason != "Failed" or not any(uid in failed_before for uid in known):
            name = (record.key.namespace, record.key.name)
            syscall = (refused or {}).get(record.key, "") if reason in OVER_A_SYSCALL else ""
            remedy = _remedy(store, reason, message, syscall)
            found.append(StuckPod(*name, record.node, reason, message, remedy, syscall))
    return found


OVER_A_SYSCALL = frozenset({"CrashLoopBackOff", "Failed"})


def _problem(status: PodStatus) -> tuple[str, str] | None:
    """Reason and message, if the pod is not as it should be."""
    waiting = status.waiting(init=True)
    if status.phase in ("Succeeded", "Running") and waiting is None:
        return None
    if status.phase == "Failed":
        text = ", ".join(f"{name} exited with {code}" for name, code in status.exit_codes if code)
        return "Failed", status.message or text
    if waiting is not None:
        return waiting.reason, waiting.message
    if status.unplaced is not None:
        return status.unplaced.reason or "Unschedulable", status.unplaced.message
    return "Pending", "it had not started yet when the time was over"


REMEDIES = {
    "CreateContainerConfigError": "create what the message names; the kubelet tries again by itself",
    "RunContainerError": "the profile may forbid what the runtime itself needs: build it on a base (baseProfileName)",
    "CrashLoopBackOff": "look at what the container needs; a profile that is too strict shows up like this",
    "Unschedulable": "give the cluster a node that fits, or the pod fewer demands",
}
# What runc says of a profile that it makes no filter of, the more special first.
OF_RUNC = {
    "seccomp flags are not yet supported": "leave spec.flags out of the profile, or give the nodes a newer runc (1.2)",
    "seccomp flag ": "leave that flag out of the profile: this runc does not know it",
    "is not a valid arch for seccomp": "leave that architecture out of the profile: this runc does not know it",
    "error adding architecture": "list only architectures of the node's byte order in the profile",
    "unable to init seccomp": "correct the profile: no filter can be made of what stands in it",
    "seccomp agent": "see to it that an agent listens at the profile's listenerPath before such pods start",
}


def _remedy(store: Store, reason: str, message: str, refused: str = "") -> str:
    """What a user can do; for a missing profile of ours, or a syscall that was refused, by name."""
    if refused:
        return f"its seccomp profile refused {refused}, and the program ended: allow it there, if it should be allowed"
    missing = PROFILE_FILE.search(message)
    if missing is None or "no such file" not in message:
        of_runc = (remedy for said, remedy in OF_RUNC.items() if said in message)
        return next(of_runc, REMEDIES.get(reason, ""))
    root, namespace, name, suffix = missing.groups()
    wanted = f"{namespace}/{name}"
    known = [f"{record.key.namespace}/{record.key.name}" for record in store.scan(SECCOMP_PROFILES.storage)]
    if not (root and suffix):
        return f"did you mean operator/{wanted}.json?"
    if wanted in known:
        return f"SeccompProfile {wanted} exists but is not on this node: see its state above"
    meant = "".join(f"; or did you mean operator/{near}.json?" for near in get_close_matches(wanted, known, 1, 0.8))
    return f"apply a SeccompProfile `{name}` in namespace `{namespace}`{meant}"


def plain(summary: Summary) -> dict[str, object]:
    """The summary as JSON and YAML show it."""
    built: dict[str, object] = msgspec.to_builtins(summary)
    return {"satisfied": summary.satisfied, **built}
