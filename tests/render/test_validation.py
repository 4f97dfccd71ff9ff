from __future__ import annotations

from typing import Any

import pytest

from spo.model.manifest import from_manifest
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.render.validation import findings


def found(**spec: Any) -> dict[str, str]:
    """Field → message."""
    return {
        each.field: each.message for each in findings(from_manifest({"spec": spec}, SecurityProfilesOperatorDaemon))
    }


def demand(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "tier", "operator": operator, "values": [*values]}


def on_nodes(*demands: dict[str, Any]) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [*demands]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def near_pods(kind: str, *demands: dict[str, Any], where: str = "zone") -> dict[str, Any]:
    term = {"topologyKey": where, "labelSelector": {"matchExpressions": [*demands]}}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_a_spod_that_asks_for_nothing_special_has_none() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("resources", "field", "says"),
    [
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "500m"}}, "requests.cpu", "more than the limit, 500m"),
        ({"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}, "requests.memory", "1Gi is more"),
        ({"limits": {"gpu": "1"}}, "limits.gpu", "no such resource"),
        ({"requests": {"CPU": "1"}, "limits": {"CPU": "1"}}, "requests.CPU", "no such resource"),
        ({"limits": {"example.com/gpu": "500m"}}, "limits.example.com/gpu", "500m is no whole number"),
        ({"requests": {"example.com/gpu": "1"}}, "requests.example.com/gpu", "not the limit, which is missing"),
        (
            {"requests": {"hugepages-2Mi": "2Mi"}, "limits": {"hugepages-2Mi": "4Mi"}},
            "requests.hugepages-2Mi",
            "2Mi is not the limit, 4Mi",
        ),
    ],
)
def test_resources_that_no_container_can_have(resources: dict[str, Any], field: str, says: str) -> None:
    assert says in found(daemonResourceRequirements=resources)[f"spec.daemonResourceRequirements.{field}"]


@pytest.mark.parametrize(
    "resources",
    [
        {"requests": {"cpu": "1"}, "limits": {"cpu": "1000m"}},
        {"requests": {"memory": "1G"}, "limits": {"memory": "1Gi"}},
        {"requests": {"cpu": "1"}},
        {"limits": {"example.com/gpu": "1", "hugepages-2Mi": "4Mi", "ephemeral-storage": "1Gi"}},
        {"limits": {"example.com/gpu": "1000m"}, "requests": {"example.com/gpu": 1}},
    ],
)
def test_resources_that_a_container_can_have(resources: dict[str, Any]) -> None:
    assert found(daemonResourceRequirements=resources) == {}


@pytest.mark.parametrize(
    ("toleration", "field"),
    [
        ({"key": "a", "operator": "Exists", "value": "b"}, "value"),
        ({"operator": "Equal", "value": "b"}, "key"),
        ({"value": "b"}, "key"),
        ({"key": "a", "tolerationSeconds": 5}, "tolerationSeconds"),
    ],
)
def test_tolerations_that_mean_nothing(toleration: dict[str, Any], field: str) -> None:
    assert [*found(tolerations=[{"operator": "Exists"}, toleration])] == [f"spec.tolerations[1].{field}"]


def test_tolerations_that_mean_something() -> None:
    lasting = {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    assert found(tolerations=[{"operator": "Exists"}, {"key": "a", "value": "b"}, lasting]) == {}


@pytest.mark.parametrize(
    "wrong",
    [demand("In"), demand("Exists", "a"), demand("Gt", "a"), demand("Lt", "1", "2"), demand("DoesNotExist", "a")],
    ids=lambda wrong: str(wrong["operator"]),
)
def test_demands_on_nodes_that_cannot_be_answered(wrong: dict[str, Any]) -> None:
    (message,) = found(affinity=on_nodes(demand("In", "a"), wrong)).values()

    assert "the demand on tier" in message and wrong["operator"] in message


@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
def test_pods_are_not_compared_by_size_and_not_in_a_place_without_a_name(kind: str) -> None:
    assert "Gt" in found(affinity=near_pods(kind, demand("Gt", "1")))[f"spec.affinity.{kind}"]
    assert "topologyKey" in found(affinity=near_pods(kind, where=""))[f"spec.affinity.{kind}"]


def test_affinity_that_can_be_answered() -> None:
    nodes = on_nodes(demand("In", "a", "b"), demand("Exists"), demand("Gt", "-1"))
    assert found(affinity={**nodes, **near_pods("podAffinity", demand("NotIn", "a"))}) == {}
