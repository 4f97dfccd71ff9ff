"""May this pod run on that node? Node selector, node affinity, taints. Pure.

Source: the scheduler's NodeAffinity, TaintToleration and NodeUnschedulable plug-ins. What is only preferred is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from spo.model.quantity import NANO
from spo.sim.shared.resource_requests import PODS_PER_NODE, nanos

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

# The tolerations every daemon pod gets (pkg/controller/daemon/util: AddOrUpdateDaemonPodTolerations).
DAEMON_TOLERATIONS: tuple[Mapping[str, str], ...] = (
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": UNSCHEDULABLE, "operator": "Exists", "effect": "NoSchedule"},
)
HOST_NETWORK_TOLERATION = {
    "key": "node.kubernetes.io/network-unavailable",
    "operator": "Exists",
    "effect": "NoSchedule",
}

NOT_SUPPORTED = ("podAffinity", "podAntiAffinity")  # required ones; refused by name


class NodeFacts(Struct, frozen=True):
    """What placing pods needs to know of a node."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...] = ()
    capacity_pods: int = PODS_PER_NODE
    allocatable: Mapping[str, int] = {}  # in billionths


def node_facts(node: Mapping[str, Any]) -> NodeFacts:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    taints = [taint for taint in spec.get("taints") or () if taint.get("key") != UNSCHEDULABLE]
    if spec.get("unschedulable"):
        taints.append({"key": UNSCHEDULABLE, "effect": "NoSchedule"})
    allocatable = _numbers(tuple((name, str(value)) for name, value in (status.get("allocatable") or {}).items()))
    pods = allocatable.get("pods", PODS_PER_NODE * NANO) // NANO
    return NodeFacts(node["metadata"]["name"], node["metadata"].get("labels") or {}, tuple(taints), pods, allocatable)


@lru_cache(maxsize=256)
def _numbers(quantities: tuple[tuple[str, str], ...]) -> Mapping[str, int]:
    """Most nodes have the same: one copy of it."""
    return {name: nanos(quantity) for name, quantity in quantities}


def not_supported(spec: Mapping[str, Any]) -> str:
    """The part of a pod's wishes that this scheduler does not know; empty if it knows all."""
    affinity = spec.get("affinity") or {}
    for kind in NOT_SUPPORTED:
        if (affinity.get(kind) or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
            return f"spec.affinity.{kind}"
    for constraint in spec.get("topologySpreadConstraints") or ():
        if constraint.get("whenUnsatisfiable") == "DoNotSchedule":
            return "spec.topologySpreadConstraints"
    return ""


def named_node(spec: Mapping[str, Any]) -> str:
    """The one node that the pod's affinity names (`metadata.name` in matchFields, as DaemonSets write it)."""
    terms = _terms(spec) or ()
    for term in terms if len(terms) == 1 else ():
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name" and field.get("operator") == "In" and len(field["values"]) == 1:
                return str(field["values"][0])
    return ""


def why_not(spec: Mapping[str, Any], node: NodeFacts) -> str:
    """The reason, as the scheduler's message has it; empty if the pod may run there."""
    selector = spec.get("nodeSelector") or {}
    terms = _terms(spec)
    if any(node.labels.get(k) != v for k, v in selector.items()) or (
        terms is not None and not any(_term_matches(term, node) for term in terms)
    ):
        return "node(s) didn't match Pod's node affinity/selector"
    taint = untolerated(spec.get("tolerations") or (), node.taints, ("NoSchedule", "NoExecute"))
    if taint is None:
        return ""
    if taint["key"] == UNSCHEDULABLE:
        return "node(s) were unschedulable"
    value = taint.get("value", "")
    return f"node(s) had untolerated taint {{{taint['key']}: {value}}}"


def untolerated(
    tolerations: Iterable[Mapping[str, Any]], taints: Iterable[Mapping[str, str]], effects: tuple[str, ...]
) -> Mapping[str, str] | None:
    """The first taint of these effects that nothing tolerates."""
    known = tuple(tolerations)
    for taint in taints:
        if taint.get("effect") in effects and not any(tolerates(each, taint) for each in known):
            return taint
    return None


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, str]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    key = toleration.get("key", "")
    if toleration.get("operator", "Equal") == "Exists":
        return not key or key == taint["key"]
    return bool(key == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def _terms(spec: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """`None`: no required node affinity. An empty list matches nothing."""
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    return None if required is None else list(required.get("nodeSelectorTerms") or ())


def _term_matches(term: Mapping[str, Any], node: NodeFacts) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False  # an empty term matches nothing
    return all(_holds(each, node.labels) for each in expressions) and all(
        _holds(each, {"metadata.name": node.name}) for each in fields
    )


def _holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement["key"]), list(requirement.get("values") or ())
    match requirement.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            try:
                number, bound = int(value or ""), int(values[0])
            except (ValueError, IndexError):
                return False
            return number > bound if operator == "Gt" else number < bound
    return False
