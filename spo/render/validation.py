"""What of a spod no API server would take in a pod: said of spod, where its author looks, and never asked for.

What a schema can say stands in the CRD; this is what else a spod can run into of pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from spo.model.quantity import NANO, amount
from spo.model.scheduling import Affinity, LabelRequirement, PodAffinity, ResourceRequirements, Toleration
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.render.finding import Finding

STANDARD = ("cpu", "memory", "ephemeral-storage")  # other names have a domain, or are sizes of huge pages
HUGE_PAGES = "hugepages-"
# What values a demand on a label takes.
OF_PODS = {"In": "values", "NotIn": "values", "Exists": "no value", "DoesNotExist": "no value"}
OF_NODES = {**OF_PODS, "Gt": "a whole number", "Lt": "a whole number"}
TAKES: Mapping[str, Callable[[tuple[str, ...]], bool]] = {
    "values": lambda values: bool(values),
    "no value": lambda values: not values,
    "a whole number": lambda values: len(values) == 1 and values[0].lstrip("-").isdigit(),
}

Found = Iterator[tuple[str, str]]  # field and message


def findings(spod: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
    """Each with its field; empty: the daemon set can be asked for."""
    spec = spod.spec
    found = [
        *_of_resources("spec.daemonResourceRequirements", spec.daemon_resource_requirements or ResourceRequirements()),
        *_of_tolerations("spec.tolerations", spec.tolerations or ()),
        *_of_affinity("spec.affinity", spec.affinity or Affinity()),
    ]
    return tuple(Finding(field, message) for field, message in found)


def _of_resources(field: str, asked: ResourceRequirements) -> Found:
    for what, given in (("limits", asked.limits), ("requests", asked.requests)):
        for name, quantity in given.items():
            if name not in STANDARD and "/" not in name and not name.startswith(HUGE_PAGES):
                yield f"{field}.{what}.{name}", f"there is no such resource: {', '.join(STANDARD)}, or one of a domain"
            elif "/" in name and _nanos(quantity) % NANO:
                yield f"{field}.{what}.{name}", f"{quantity} is no whole number"
    for name, request in asked.requests.items():
        limit = asked.limits.get(name)
        if name not in STANDARD and (limit is None or _nanos(request) != _nanos(limit)):
            yield f"{field}.requests.{name}", f"{request} is not the limit, {limit or 'which is missing'}"
        elif limit is not None and _nanos(request) > _nanos(limit):
            yield f"{field}.requests.{name}", f"{request} is more than the limit, {limit}"


def _nanos(quantity: int | str) -> int:
    """The schema has let only quantities through; one that is too large to be meant counts as nothing."""
    found = amount(quantity)
    return 0 if found is None else found.nanos


def _of_tolerations(field: str, tolerations: tuple[Toleration, ...]) -> Found:
    for place, each in enumerate(tolerations):
        here = f"{field}[{place}]"
        if each.operator == "Exists" and each.value:
            yield f"{here}.value", "operator Exists takes no value"
        if not each.key and each.operator != "Exists":
            yield f"{here}.key", "without a key, the operator is Exists (every taint)"
        if each.toleration_seconds is not None and each.effect != "NoExecute":
            yield f"{here}.tolerationSeconds", "only with effect NoExecute"


def _of_affinity(field: str, affinity: Affinity) -> Found:
    if nodes := affinity.node_affinity:
        required = nodes.required_during_scheduling_ignored_during_execution
        terms = [*(required.node_selector_terms if required else ())]
        terms += [each.preference for each in nodes.preferred_during_scheduling_ignored_during_execution]
        for term in terms:
            yield from _of_demands(f"{field}.nodeAffinity", (*term.match_expressions, *term.match_fields), OF_NODES)
    for name, pods in (("podAffinity", affinity.pod_affinity), ("podAntiAffinity", affinity.pod_anti_affinity)):
        if pods is not None:
            yield from _of_neighbours(f"{field}.{name}", pods)


def _of_neighbours(field: str, pods: PodAffinity) -> Found:
    terms = [*pods.required_during_scheduling_ignored_during_execution]
    terms += [each.pod_affinity_term for each in pods.preferred_during_scheduling_ignored_during_execution]
    for term in terms:
        if not term.topology_key:
            yield field, "topologyKey must not be empty"
        for selector in (term.label_selector, term.namespace_selector):
            yield from _of_demands(field, selector.match_expressions if selector else (), OF_PODS)


def _of_demands(field: str, demands: tuple[LabelRequirement, ...], operators: Mapping[str, str]) -> Found:
    for each in demands:
        takes = operators.get(each.operator)
        if takes is None:
            yield field, f"the demand on {each.key} has operator {each.operator!r}: {', '.join(operators)} are known"
        elif not TAKES[takes](each.values):
            given = ", ".join(each.values) or "none"
            yield field, f"the demand on {each.key} with operator {each.operator} takes {takes}, not {given}"
