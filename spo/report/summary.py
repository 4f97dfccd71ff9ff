"""How the world stands at the end: every profile on every node, pods that could not start, and what was rejected."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

import msgspec
from msgspec import Struct, field

from spo.model.reasons import REASONS
from spo.model.resource import NODE_STATUSES, SECCOMP_PROFILES, SPODS
from spo.model.states import DISABLED, INSTALLED, PARTIAL
from spo.sim.store import Store, StoreKey

AS_WISHED = frozenset({INSTALLED, DISABLED, PARTIAL})
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
    remarks: list[str] = []

    @property
    def fine(self) -> bool:
        return self.state in AS_WISHED and not self.deleting


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


class Rejected(Struct, frozen=True, rename="camel"):
    """An object of the input that the API server refused, or that the operator took away."""

    object: str
    source: str
    message: str
    remedy: str = ""


class Summary(Struct, frozen=True, rename="camel"):
    """All of it. Profiles in `operator_namespace` came with the operator."""

    profiles: list[ProfileState]
    pods: list[StuckPod]
    rejected: list[Rejected]
    settings: list[Setting] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    operator_namespace: str = ""

    @property
    def satisfied(self) -> bool:
        return not (self.rejected or self.pods or self.settings) and all(profile.fine for profile in self.profiles)


class _Condition(Struct):
    type: str
    status: str = ""
    reason: str = ""
    message: str = ""


class _Owner(Struct):
    uid: str = ""
    kind: str = ""
    name: str = ""


class _Metadata(Struct):
    uid: str = ""
    deletionTimestamp: str | None = None  # noqa: N815  # the manifest's words
    ownerReferences: list[_Owner] = field(default_factory=list)  # noqa: N815


class _ProfileStatus(Struct):
    status: str = ""
    conditions: list[_Condition] = field(default_factory=list)


class _Profile(Struct):
    metadata: _Metadata
    status: _ProfileStatus = field(default_factory=_ProfileStatus)


class _NodeStatus(Struct):
    metadata: _Metadata
    nodeName: str = ""  # noqa: N815
    status: str = ""


class _Waiting(Struct):
    reason: str = ""
    message: str = ""


class _Terminated(Struct):
    exitCode: int = 0  # noqa: N815
    reason: str = ""


class _ContainerState(Struct):
    waiting: _Waiting | None = None
    terminated: _Terminated | None = None


class _Container(Struct):
    name: str = ""
    state: _ContainerState = field(default_factory=_ContainerState)


class _PodStatus(Struct):
    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[_Condition] = field(default_factory=list)
    initContainerStatuses: list[_Container] = field(default_factory=list)  # noqa: N815
    containerStatuses: list[_Container] = field(default_factory=list)  # noqa: N815


class _Pod(Struct):
    metadata: _Metadata
    status: _PodStatus = field(default_factory=_PodStatus)


_decode_profile = msgspec.json.Decoder(_Profile).decode
_decode_node_status = msgspec.json.Decoder(_NodeStatus).decode
_decode_pod = msgspec.json.Decoder(_Pod).decode


def profiles(store: Store) -> list[ProfileState]:
    """Every profile in the cluster, by namespace and name."""
    on_nodes: dict[tuple[str, str], dict[str, str]] = {}
    for record in store.scan(NODE_STATUSES.storage):
        status = _decode_node_status(record.body)
        for owner in status.metadata.ownerReferences:
            if owner.kind == SECCOMP_PROFILES.kind:
                on_nodes.setdefault((record.key.namespace, owner.name), {})[status.nodeName] = status.status
    found = []
    for record in store.scan(SECCOMP_PROFILES.storage):
        profile = _decode_profile(record.body)
        ready = next((c for c in profile.status.conditions if c.type == "Ready"), _Condition("Ready"))
        nodes = on_nodes.get((record.key.namespace, record.key.name), {})
        state = profile.status.status or "Pending"
        found.append(
            ProfileState(
                record.key.namespace,
                record.key.name,
                state,
                ready.reason,
                ready.message or "the operator has not looked at it yet",
                dict(sorted(nodes.items())),
                bool(profile.metadata.deletionTimestamp),
                [f"{c.reason}: {c.message}" for c in profile.status.conditions if _is_remark(c)],
            )
        )
    return found


def _is_remark(condition: _Condition) -> bool:
    return condition.type != "Ready" and condition.status == "False"


def settings(store: Store) -> list[Setting]:
    """What the operator has to say against the settings in each spod, and what keeps its daemons from coming up."""
    found: dict[tuple[str, str, str], Setting] = {}
    for record in store.scan(SPODS.storage):
        for condition in _decode_profile(record.body).status.conditions:
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
        pod = _decode_pod(record.body)
        problem = _problem(pod.status)
        if problem is None:
            continue
        reason, message = problem
        known = (pod.metadata.uid, *(owner.uid for owner in pod.metadata.ownerReferences))
        if reason != "Failed" or not any(uid in failed_before for uid in known):
            name = (record.key.namespace, record.key.name)
            syscall = (refused or {}).get(record.key, "") if reason in OVER_A_SYSCALL else ""
            remedy = _remedy(store, reason, message, syscall)
            found.append(StuckPod(*name, record.node, reason, message, remedy, syscall))
    return found


OVER_A_SYSCALL = frozenset({"CrashLoopBackOff", "Failed"})
HARMLESS_WAITS = frozenset({"", "ContainerCreating", "PodInitializing"})


def _problem(status: _PodStatus) -> tuple[str, str] | None:
    """Reason and message, if the pod is not as it should be."""
    if status.phase in ("Succeeded", "Running") and not _waiting(status):
        return None
    if status.phase == "Failed":
        ended = [(c.name, c.state.terminated) for c in status.containerStatuses]
        text = ", ".join(f"{name} exited with {end.exitCode}" for name, end in ended if end and end.exitCode)
        return "Failed", status.message or text
    if waiting := _waiting(status):
        return waiting.reason, waiting.message
    placed = next((c for c in status.conditions if c.type == "PodScheduled"), None)
    if placed is not None and placed.status == "False":
        return placed.reason or "Unschedulable", placed.message
    return "Pending", "it had not started yet when the time was over"


def _waiting(status: _PodStatus) -> _Waiting | None:
    for container in (*status.initContainerStatuses, *status.containerStatuses):
        waiting = container.state.waiting
        if waiting is not None and waiting.reason not in HARMLESS_WAITS:
            return waiting
    return None


REMEDIES = {
    "CreateContainerConfigError": "create what the message names; the kubelet tries again by itself",
    "RunContainerError": "the profile may forbid what the runtime itself needs: build it on a base (baseProfileName)",
    "CrashLoopBackOff": "look at what the container needs; a profile that is too strict shows up like this",
    "Unschedulable": "give the cluster a node that fits, or the pod fewer demands",
}


def _remedy(store: Store, reason: str, message: str, refused: str = "") -> str:
    """What a user can do; for a missing profile of ours, or a syscall that was refused, by name."""
    if refused:
        return f"its seccomp profile refused {refused}, and the program ended: allow it there, if it should be allowed"
    missing = PROFILE_FILE.search(message)
    if missing is None or "no such file" not in message:
        return REMEDIES.get(reason, "")
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
