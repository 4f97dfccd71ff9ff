"""Where pods may run and what they may use: tolerations, affinity and resources, as in a pod's spec (core/v1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Struct

from spo.model.rule import rule

# apimachinery's resource.Quantity, without its minus sign: nothing we ask for can be negative.
QUANTITY_PATTERN = (
    r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
Quantity = Annotated[int | str, rule(pattern=QUANTITY_PATTERN, minimum=0)]


class LabelRequirement(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One demand on a label."""

    key: str
    operator: Annotated[
        str,
        rule(
            "In, NotIn, Exists, DoesNotExist; for nodes also Gt, Lt.",
            enum=("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
        ),
    ]
    values: Annotated[tuple[str, ...], rule(list_type="atomic")] = ()


class LabelSelector(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which labels an object must carry; an empty selector takes every object."""

    match_expressions: Annotated[tuple[LabelRequirement, ...], rule("All of these must hold.", list_type="atomic")] = ()
    match_labels: Annotated[Mapping[str, str], rule("All of these must be there.")] = {}


class NodeSelectorTerm(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Demands on one node, all of which must hold."""

    match_expressions: Annotated[tuple[LabelRequirement, ...], rule("On its labels.", list_type="atomic")] = ()
    match_fields: Annotated[tuple[LabelRequirement, ...], rule("On its fields.", list_type="atomic")] = ()


class NodeSelector(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Nodes that at least one term takes."""

    node_selector_terms: Annotated[
        tuple[NodeSelectorTerm, ...], rule("The alternatives.", list_type="atomic", min_items=1)
    ]


class PreferredNodes(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A preference for some nodes."""

    preference: NodeSelectorTerm
    weight: Annotated[int, rule("How strong, 1 to 100.", minimum=1, maximum=100)]


class NodeAffinity(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which nodes a pod may or would rather run on."""

    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredNodes, ...], rule(list_type="atomic")
    ] = ()
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Pods that are looked at, and how near is near."""

    topology_key: Annotated[str, rule("The node label whose equal values mean the same place.")]
    label_selector: LabelSelector | None = None
    match_label_keys: Annotated[tuple[str, ...], rule(list_type="atomic")] = ()
    mismatch_label_keys: Annotated[tuple[str, ...], rule(list_type="atomic")] = ()
    namespace_selector: LabelSelector | None = None
    namespaces: Annotated[tuple[str, ...], rule(list_type="atomic")] = ()


class WeightedPodAffinityTerm(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A preference for being near some pods, or far from them."""

    pod_affinity_term: PodAffinityTerm
    weight: Annotated[int, rule("How strong, 1 to 100.", minimum=1, maximum=100)]


class PodAffinity(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Which pods a pod must or would rather be near (or, as anti-affinity, far from)."""

    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[WeightedPodAffinityTerm, ...], rule(list_type="atomic")
    ] = ()
    required_during_scheduling_ignored_during_execution: Annotated[
        tuple[PodAffinityTerm, ...], rule(list_type="atomic")
    ] = ()


class Affinity(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where a pod must or would rather run."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class Toleration(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A taint that does not keep a pod away."""

    key: Annotated[str, rule("The taint's key; empty with operator Exists: every taint.")] = ""
    operator: Annotated[str, rule("Exists, or Equal (meant when it is missing).", enum=("", "Exists", "Equal"))] = ""
    value: Annotated[str, rule("The taint's value, with operator Equal.")] = ""
    effect: Annotated[
        str,
        rule("The taint's effect; none: each.", enum=("", "NoSchedule", "PreferNoSchedule", "NoExecute")),
    ] = ""
    toleration_seconds: Annotated[
        int | None, rule("For how long a NoExecute taint is tolerated; none: for ever.", format="int64")
    ] = None


class ResourceRequirements(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a container is given at least (requests) and at most (limits)."""

    limits: Annotated[Mapping[str, Quantity], rule("At most.")] = {}
    requests: Annotated[Mapping[str, Quantity], rule("At least.")] = {}


class LocalObjectReference(Struct, frozen=True, rename="camel", omit_defaults=True):
    """An object of the same namespace."""

    name: Annotated[str, rule("Its name.", min_length=1)]
