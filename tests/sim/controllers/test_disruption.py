"""Disruption budgets: what is allowed now."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from manifests import deployment, pod

from spo.model.resource import PODS
from spo.sim.api.status import ApiError
from spo.sim.client import Object
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.deployment import DEPLOYMENTS
from spo.sim.controllers.disruption import BUDGETS


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.client().create(DEPLOYMENTS, deployment(replicas=4))
    cluster.rest()
    return cluster


def budget(cluster: SimulatedCluster, **spec: Any) -> None:
    wanted = {"selector": {"matchLabels": {"app": "x"}}, **spec}
    metadata = {"name": "b", "namespace": "default"}
    made = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": wanted}
    cluster.client().create(BUDGETS, made)
    cluster.rest()


def status(cluster: SimulatedCluster) -> Object:
    found: Object = cluster.client().get(BUDGETS, "default", "b")["status"]
    return found


def evict(cluster: SimulatedCluster) -> None:
    name = next(pod.key.name for pod in cluster.context.pods.all.values() if pod.is_active)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
    cluster.client().create(PODS, eviction, subresource="eviction")


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [
        ({"minAvailable": 3}, 3, 1),
        ({"minAvailable": "70%"}, 3, 1),
        ({"maxUnavailable": 2}, 2, 2),
        ({"maxUnavailable": "30%"}, 2, 2),
        ({"minAvailable": 9}, 9, 0),
    ],
)
def test_it_counts_the_pods_that_are_well(cluster: SimulatedCluster, spec: Any, desired: int, allowed: int) -> None:
    budget(cluster, **spec)

    found = status(cluster)
    assert (found["expectedPods"], found["currentHealthy"]) == (4, 4)
    assert (found["desiredHealthy"], found["disruptionsAllowed"]) == (desired, allowed)
    condition = found["conditions"][0]
    assert (condition["status"], condition["reason"]) == (
        ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    )


def test_evictions_use_it_up_until_new_pods_are_well(cluster: SimulatedCluster) -> None:
    budget(cluster, maxUnavailable=1)
    evict(cluster)
    with pytest.raises(ApiError) as refused:
        evict(cluster)
    assert refused.value.code == 429

    cluster.rest()
    assert status(cluster)["disruptionsAllowed"] == 1
    assert "disruptedPods" not in status(cluster)


def test_a_pod_on_its_way_out_is_not_well(cluster: SimulatedCluster) -> None:
    slow = {"image": "images.test/app:1", "command": ["sleep", "infinity"]}
    for name in ("a", "b"):
        cluster.client().create(PODS, pod(name, container=slow, labels={"app": "y"}))
    budget(cluster, selector={"matchLabels": {"app": "y"}}, minAvailable=1)
    cluster.client().delete(PODS, "default", "a")
    cluster.run(1)

    assert (status(cluster)["currentHealthy"], status(cluster)["disruptionsAllowed"]) == (1, 0)


def test_pods_that_nobody_scales_have_no_share(cluster: SimulatedCluster) -> None:
    cluster.client().create(PODS, pod("alone", labels={"app": "y"}))
    budget(cluster, selector={"matchLabels": {"app": "y"}}, maxUnavailable="50%")

    assert (status(cluster)["expectedPods"], status(cluster)["disruptionsAllowed"]) == (0, 0)


def test_a_budget_without_a_selector_covers_nothing_and_an_empty_one_everything(cluster: SimulatedCluster) -> None:
    budget(cluster, selector=None, minAvailable=1)
    assert status(cluster)["expectedPods"] == 0

    cluster.client().delete(BUDGETS, "default", "b")
    budget(cluster, selector={}, minAvailable=1)
    assert status(cluster)["expectedPods"] == 4


@pytest.mark.parametrize(
    ("policy", "least", "goes"),
    [("IfHealthyBudget", 4, False), ("IfHealthyBudget", 3, True), ("AlwaysAllow", 4, True)],
)
def test_a_pod_that_is_not_ready_may_go_by_the_budgets_policy(
    cluster: SimulatedCluster, policy: str, least: int, goes: bool
) -> None:
    budget(cluster, minAvailable=least, unhealthyPodEvictionPolicy=policy)
    name = next(iter(cluster.context.pods.all)).name
    sick = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    cluster.client().patch(PODS, "default", name, sick, subresource="status")
    cluster.run(1)
    with nullcontext() if goes else pytest.raises(ApiError, match="Cannot evict pod"):
        evict(cluster)


def test_a_pod_under_two_budgets_is_evicted_by_none(cluster: SimulatedCluster) -> None:
    budget(cluster, minAvailable=1)
    spec = {"selector": {}, "minAvailable": 1}
    metadata = {"name": "c", "namespace": "default"}
    cluster.client().create(
        BUDGETS, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
    )
    cluster.rest()
    with pytest.raises(ApiError) as refused:
        evict(cluster)

    assert (refused.value.code, "more than one" in refused.value.message) == (500, True)
