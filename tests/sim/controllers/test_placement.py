"""May this pod run on that node?"""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.controllers.placement import NodeFacts, named_node, node_facts, not_supported, tolerates, why_not

NODE = NodeFacts("node-1", {"zone": "a", "cores": "8"})
TAINTED = NodeFacts("node-1", {}, ({"key": "gpu", "value": "yes", "effect": "NoSchedule"},))


def affinity(*expressions: dict[str, Any], fields: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    term = {"matchExpressions": list(expressions), "matchFields": list(fields)}
    required = {"nodeSelectorTerms": [term]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def test_a_selector_must_match_all_labels() -> None:
    assert why_not({"nodeSelector": {"zone": "a"}}, NODE) == ""
    assert why_not({"nodeSelector": {"zone": "a", "disk": "ssd"}}, NODE) == (
        "node(s) didn't match Pod's node affinity/selector"
    )


@pytest.mark.parametrize(
    ("operator", "values", "matches"),
    [
        ("In", ["a", "b"], True),
        ("In", ["b"], False),
        ("NotIn", ["b"], True),
        ("NotIn", ["a"], False),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
        ("Gt", ["1"], False),
    ],
)
def test_affinity_knows_the_operators(operator: str, values: Any, matches: bool) -> None:
    spec = affinity({"key": "zone", "operator": operator, "values": values})

    assert (why_not(spec, NODE) == "") is matches


def test_affinity_compares_numbers() -> None:
    assert why_not(affinity({"key": "cores", "operator": "Gt", "values": ["4"]}), NODE) == ""
    assert why_not(affinity({"key": "cores", "operator": "Lt", "values": ["4"]}), NODE) != ""


def test_a_daemon_pod_names_its_node() -> None:
    spec = affinity(fields=({"key": "metadata.name", "operator": "In", "values": ["node-1"]},))

    assert named_node(spec) == "node-1"
    assert why_not(spec, NODE) == ""
    assert why_not(spec, NodeFacts("node-2", {})) != ""


def test_terms_that_are_empty_match_nothing() -> None:
    assert why_not(affinity(), NODE) != ""


def test_a_taint_wants_a_toleration() -> None:
    assert why_not({}, TAINTED) == "node(s) had untolerated taint {gpu: yes}"
    assert why_not({"tolerations": [{"key": "gpu", "operator": "Exists"}]}, TAINTED) == ""


@pytest.mark.parametrize(
    ("toleration", "holds"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, True),
    ],
)
def test_a_toleration_fits_by_key_value_and_effect(toleration: dict[str, str], holds: bool) -> None:
    assert tolerates(toleration, TAINTED.taints[0]) is holds


def test_a_cordoned_node_takes_no_pods() -> None:
    node = node_facts({"metadata": {"name": "n"}, "spec": {"unschedulable": True}})

    assert why_not({}, node) == "node(s) were unschedulable"


def test_what_is_not_supported_is_refused_by_name() -> None:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}

    assert not_supported({"affinity": {"podAntiAffinity": required}}) == "spec.affinity.podAntiAffinity"
    assert not_supported({"topologySpreadConstraints": [{"whenUnsatisfiable": "DoNotSchedule"}]}) == (
        "spec.topologySpreadConstraints"
    )
    assert not_supported({"topologySpreadConstraints": [{"whenUnsatisfiable": "ScheduleAnyway"}]}) == ""
