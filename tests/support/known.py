"""A view of a small world for the decisions' tests: what is said to be there is there, and all lists are in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spo.cache import Cache
from spo.events import FileSeen, Key, Listed, Seen
from spo.loop import Role
from spo.model import labels
from spo.model.builtin import (
    ContainerUse,
    DaemonSetKeep,
    DaemonSetMeta,
    DaemonSetStatus,
    KeepMeta,
    LeaseKeep,
    LeaseSpec,
    NodeKeep,
    PodPhase,
    PodSpecUse,
    PodUse,
    SeccompUse,
    SecurityContextUse,
    SpodPod,
    SpodPodSpec,
)
from spo.model.meta import ObjectMeta, OwnerReference
from spo.model.node_status import SecurityProfileNodeStatus, node_status
from spo.model.seccomp import SeccompProfile, SeccompProfileSpec, SeccompProfileStatus, Syscall
from spo.model.spod import SecurityProfilesOperatorDaemon, SpodSpec
from spo.reconcile.settings import Settings

OPERATOR = "security-profiles-operator"
ME = Settings(namespace=OPERATOR, identity="manager-0", node="node-1", image="security-profiles-operator:0.1.0")
SLEEPER = Key("SeccompProfile", "default", "sleeper")
NOW = 1_767_225_600.0


def profile(
    name: str = "sleeper",
    *,
    allow: Iterable[str] = ("nanosleep", "exit_group"),
    namespace: str = "default",
    held: bool = True,
    deleting: bool = False,
    status: SeccompProfileStatus | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> SeccompProfile:
    metadata = ObjectMeta(
        name=name,
        namespace=namespace,
        uid=f"uid-{namespace}-{name}",
        resource_version="7",
        generation=1,
        annotations=annotations or {},
        finalizers=(labels.PROFILE_FINALIZER,) if held else (),
        deletion_timestamp="2026-01-01T00:00:00Z" if deleting else "",
    )
    wanted = SeccompProfileSpec("SCMP_ACT_ERRNO", syscalls=(Syscall(tuple(allow), "SCMP_ACT_ALLOW"),), **spec)
    return SeccompProfile(wanted, metadata, status or SeccompProfileStatus())


def status_on(
    node: str = "node-1",
    state: str = "Pending",
    *,
    of: SeccompProfile,
    form: str = "",
    deleting: bool = False,
    held: bool = True,
    owner: str = "",
    deleted_at: str = "2025-12-31T23:00:00Z",
) -> SecurityProfileNodeStatus:
    made = node_status("SeccompProfile", of.metadata.name, of.metadata.namespace, node, state)
    reference = OwnerReference("v1beta1", "SeccompProfile", of.metadata.name, owner or of.metadata.uid, controller=True)
    metadata = ObjectMeta(
        name=made.metadata.name,
        namespace=made.metadata.namespace,
        uid=f"uid-{made.metadata.name}",
        resource_version="8",
        labels=made.metadata.labels,
        annotations={labels.FORM: form} if form else {},
        finalizers=(labels.NODE_FINALIZER,) if held else (),
        deletion_timestamp=deleted_at if deleting else "",
        owner_references=(reference,),
    )
    return made.with_metadata(metadata)


def pod_using(*files: str, name: str = "user", phase: str = "Running") -> PodUse:
    contexts = [SecurityContextUse(SeccompUse(f"operator/{file}")) for file in files]
    spec = PodSpecUse("node-1", containers=tuple(ContainerUse(context) for context in contexts))
    return PodUse(KeepMeta(name, "default", f"uid-{name}", "9"), spec, PodPhase(phase))


def spod(**spec: Any) -> SecurityProfilesOperatorDaemon:
    metadata = ObjectMeta(name="spod", namespace=OPERATOR, uid="uid-spod", resource_version="3", generation=1)
    return SecurityProfilesOperatorDaemon(metadata, SpodSpec(**spec))


def node(name: str) -> NodeKeep:
    return NodeKeep(KeepMeta(name, uid=f"uid-{name}", resource_version="2"))


def daemon_on(name: str) -> SpodPod:
    return SpodPod(KeepMeta(f"spod-{name}", OPERATOR, f"uid-spod-{name}", "4"), SpodPodSpec(name))


def daemons(desired: int, ready: int | None = None, **more: Any) -> DaemonSetKeep:
    ready = desired if ready is None else ready
    metadata = DaemonSetMeta("spod", OPERATOR, "uid-ds", "5", 1, annotations=more.pop("annotations", {}))
    status = DaemonSetStatus(1, desired, desired, desired, ready, ready)
    return DaemonSetKeep(metadata, status=status, **more)


def lease(holder: str) -> LeaseKeep:
    metadata = KeepMeta("security-profiles-operator-lock", OPERATOR, "uid-lease", "6")
    return LeaseKeep(metadata, LeaseSpec(holder, 15))


def view_of(role: Role, *objects: Any, files: dict[str, str] | None = None, now: float = NOW) -> Cache:
    """What `role` knows when these objects and files (path → SHA-256) are all there is."""
    cache = Cache(role.interests, role.indexes)
    cache.now = now
    kinds = {interest.keep: interest.kind for interest in role.interests}
    for value in objects:
        key = Key(
            kinds[type(value)],
            value.metadata.namespace if hasattr(value.metadata, "namespace") else "",
            value.metadata.name,
        )
        cache.apply(Seen(key, value))
    for path, sha256 in (files or {}).items():
        cache.apply(FileSeen(path, sha256))
    for keep in role.knows_enough:
        cache.apply(Listed(keep))
    return cache
