"""What we keep of Kubernetes' own kinds: only the fields that a decision reads (design, "Interests")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr


class KeepMeta(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """The few fields of `metadata` that tell one object, and one version of it, from another."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str = ""

    @property
    def deleting(self) -> bool:
        """Somebody asked for the deletion."""
        return bool(self.deletion_timestamp)


class KeepCondition(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A condition: its type and status, and its story in a sentence."""

    type: str = ""
    status: str = ""
    message: str = ""


class SeccompUse(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A `seccompProfile`: only its reference to a file on the node."""

    localhost_profile: str = ""


class SecurityContextUse(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A `securityContext`: only its seccomp profile."""

    seccomp_profile: SeccompUse | None = None


class ContainerUse(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A container: only what it says about seccomp."""

    security_context: SecurityContextUse | None = None


def _localhost(context: SecurityContextUse | None) -> str:
    return context.seccomp_profile.localhost_profile if context and context.seccomp_profile else ""


class PodSpecUse(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A pod's spec: its node, and the containers that name a profile of their own (the others are dropped at once)."""

    node_name: str = ""
    security_context: SecurityContextUse | None = None
    containers: tuple[ContainerUse, ...] = ()
    init_containers: tuple[ContainerUse, ...] = ()
    ephemeral_containers: tuple[ContainerUse, ...] = ()

    def __post_init__(self) -> None:
        for name in ("containers", "init_containers", "ephemeral_containers"):
            every = getattr(self, name)
            naming = tuple(container for container in every if _localhost(container.security_context))
            if len(naming) != len(every):
                force_setattr(self, name, naming)
        if self.security_context is not None and not _localhost(self.security_context):
            force_setattr(self, "security_context", None)


class PodPhase(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A pod's status: only its phase."""

    phase: str = ""


class PodUse(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A pod, as far as it uses seccomp profiles of the node it runs on."""

    metadata: KeepMeta = field(default_factory=KeepMeta)
    spec: PodSpecUse = field(default_factory=PodSpecUse)
    status: PodPhase = field(default_factory=PodPhase)

    @property
    def localhost_profiles(self) -> tuple[str, ...]:
        """Every `localhostProfile` the pod names, once each: its own, then its containers' (of all three sorts)."""
        return tuple(dict.fromkeys(self._references()))

    def _references(self) -> Iterator[str]:
        spec = self.spec
        if own := _localhost(spec.security_context):
            yield own
        for container in (*spec.init_containers, *spec.containers, *spec.ephemeral_containers):
            if named := _localhost(container.security_context):
                yield named

    @property
    def finished(self) -> bool:
        """None of its containers runs or will run again: it needs no file any more."""
        return self.status.phase in ("Succeeded", "Failed")


HARMLESS_WAITS = frozenset({"", "ContainerCreating", "PodInitializing"})  # of a container that is on its way


class SpodPodSpec(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A daemon pod's spec: only its node."""

    node_name: str = ""


class Waiting(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Why a container does not run yet."""

    reason: str = ""


class ContainerState(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A container's state, as far as it waits."""

    waiting: Waiting | None = None


class ContainerStatus(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A container's status: what it runs, and what it waits for."""

    image: str = ""
    state: ContainerState = field(default_factory=ContainerState)


class SpodPodStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A daemon pod's status: phase, conditions, containers of both sorts."""

    phase: str = ""
    conditions: tuple[KeepCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class SpodPod(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A pod of the daemon set: where it runs, whether it is ready, and why it does not start."""

    metadata: KeepMeta = field(default_factory=KeepMeta)
    spec: SpodPodSpec = field(default_factory=SpodPodSpec)
    status: SpodPodStatus = field(default_factory=SpodPodStatus)

    @property
    def ready(self) -> bool:
        """Its condition `Ready` is True."""
        return any(each.type == "Ready" and each.status == "True" for each in self.status.conditions)

    @property
    def waits_for(self) -> str:
        """Why no node takes it, or why its containers do not start, with their image; empty if it waits for nothing."""
        for condition in self.status.conditions:
            if condition.type == "PodScheduled" and condition.status == "False":
                return f"Unschedulable: {condition.message}"
        for status in (*self.status.init_container_statuses, *self.status.container_statuses):
            waiting = status.state.waiting
            if waiting is not None and waiting.reason not in HARMLESS_WAITS:
                return f"{waiting.reason} (image {status.image})"
        return ""


class EventKeep(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A Kubernetes Event on an object of ours: why something could not be done, and when last."""

    metadata: KeepMeta = field(default_factory=KeepMeta)
    reason: str = ""
    message: str = ""
    last_timestamp: str = ""


class NodeKeep(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A node: that it exists."""

    metadata: KeepMeta = field(default_factory=KeepMeta)


class DaemonSetMeta(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A daemon set's metadata, with the annotation that says what we rendered last."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    deletion_timestamp: str = ""
    annotations: Mapping[str, str] = {}


class DaemonSetStatus(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """How far a daemon set has come (apps/v1 DaemonSetStatus)."""

    observed_generation: int = 0
    current_number_scheduled: int = 0
    desired_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    number_unavailable: int = 0
    number_misscheduled: int = 0


class DaemonSetKeep(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A daemon set: its version, what it asks for (there is but one: kept whole), and how far it has come."""

    metadata: DaemonSetMeta = field(default_factory=DaemonSetMeta)
    spec: Mapping[str, Any] = {}
    status: DaemonSetStatus = field(default_factory=DaemonSetStatus)

    @property
    def rolled_out(self) -> bool:
        """Its present template runs and is ready on every node that should run it."""
        status = self.status
        return (
            status.observed_generation >= self.metadata.generation
            and status.updated_number_scheduled >= status.desired_number_scheduled
            and status.number_ready >= status.desired_number_scheduled
        )


class LeaseSpec(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Who leads, since when, and until when unless renewed (coordination.k8s.io/v1 LeaseSpec)."""

    holder_identity: str = ""
    lease_duration_seconds: int = 0
    acquire_time: str = ""
    renew_time: str = ""
    lease_transitions: int = 0


class LeaseKeep(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A lease."""

    metadata: KeepMeta = field(default_factory=KeepMeta)
    spec: LeaseSpec = field(default_factory=LeaseSpec)
