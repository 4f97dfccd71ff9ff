"""The scheduler: every pod gets a node, or is told why not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from manifests import pod

from spo.model.resource import EVENTS, NODES, PODS
from spo.sim.api.status import ApiError
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.scheduler import Loads
from spo.sim.shared.resource_requests import NOTHING


def cluster_of(nodes: int, **options: Any) -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=nodes, **options)
    cluster.rest()
    return cluster


def scheduled(cluster: SimulatedCluster, name: str) -> dict[str, Any]:
    conditions = cluster.client().get(PODS, "default", name)["status"]["conditions"]
    found: dict[str, Any] = next(each for each in conditions if each["type"] == "PodScheduled")
    return found


def test_pods_spread_over_the_least_loaded_nodes() -> None:
    cluster = cluster_of(3)
    for number in range(6):
        cluster.client().create(PODS, pod(f"p{number}"))
    cluster.rest()

    assert Counter(each.node for each in cluster.context.pods.all.values()) == {"node-1": 2, "node-2": 2, "node-3": 2}


def test_a_pod_that_fits_nowhere_is_told_why() -> None:
    cluster = cluster_of(2)
    cluster.client().create(PODS, pod("p", nodeSelector={"disk": "ssd"}))
    cluster.rest()

    condition = scheduled(cluster, "p")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    assert condition["message"] == "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    assert [event["reason"] for event in cluster.client().list(EVENTS, "default")] == ["FailedScheduling"]


def test_it_is_looked_at_again_when_a_node_changes() -> None:
    cluster = cluster_of(1)
    cluster.client().create(PODS, pod("p", nodeSelector={"disk": "ssd"}))
    cluster.rest()
    cluster.client().patch(NODES, "", "node-1", {"metadata": {"labels": {"disk": "ssd"}}})
    cluster.rest()

    assert scheduled(cluster, "p")["status"] == "True"


def test_it_is_looked_at_again_when_a_node_comes() -> None:
    cluster = cluster_of(0)
    cluster.client().create(PODS, pod("p"))
    cluster.rest()
    assert scheduled(cluster, "p")["message"] == "no nodes available to schedule pods"
    cluster.add_node("node-9")
    cluster.rest()

    assert scheduled(cluster, "p")["status"] == "True"


def test_a_full_node_takes_the_next_pod_when_one_goes() -> None:
    cluster = cluster_of(1, capacity_pods=1)
    client = cluster.client()
    client.create(PODS, pod("a"))
    cluster.rest()
    client.create(PODS, pod("b"))
    cluster.rest()
    assert scheduled(cluster, "b")["message"] == "0/1 nodes are available: 1 Too many pods."
    client.delete(PODS, "default", "a")
    cluster.rest()

    assert scheduled(cluster, "b")["status"] == "True"


def test_a_wish_that_is_not_supported_is_refused_by_name() -> None:
    cluster = cluster_of(1)
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "x"}}}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    cluster.client().create(PODS, pod("p", affinity=apart))
    cluster.rest()

    assert scheduled(cluster, "p")["message"] == (
        "the simulated scheduler does not support spec.affinity.podAntiAffinity"
    )


def test_pods_of_another_scheduler_are_left_alone() -> None:
    cluster = cluster_of(1)
    cluster.client().create(PODS, pod("p", schedulerName="mine"))
    cluster.rest()

    assert "nodeName" not in cluster.client().get(PODS, "default", "p")["spec"]


def test_loads_are_walked_from_the_least_loaded() -> None:
    loads = Loads()
    for node, pods in (("a", 2), ("b", 1), ("c", 3)):
        loads.add(node, [NOTHING] * pods)
    for _ in range(3):
        loads.go("c", NOTHING)
    loads.remove("b")

    assert list(loads) == ["c", "a"]
    assert (loads["c"].pods, loads["a"].pods) == (0, 2)


def test_a_pod_waits_until_its_gates_are_open() -> None:
    cluster = cluster_of(1)
    cluster.client().create(PODS, pod("gated", schedulingGates=[{"name": "example.com/a"}, {"name": "example.com/b"}]))
    cluster.rest()
    assert scheduled(cluster, "gated")["reason"] == "SchedulingGated"

    for gates in ([{"name": "example.com/b"}], None):
        cluster.client().patch(PODS, "default", "gated", {"spec": {"schedulingGates": gates}})
        cluster.rest()
        assert scheduled(cluster, "gated")["status"] == ("False" if gates else "True")
    patch = {"spec": {"schedulingGates": [{"name": "example.com/c"}]}}
    with pytest.raises(ApiError, match="may not change"):
        cluster.client().patch(PODS, "default", "gated", patch)
