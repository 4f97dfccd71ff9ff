"""Urgent pods push others aside."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import pod

from spo.model.quantity import NANO
from spo.model.resource import NODES, PODS, Resource
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.preemption import best, victims
from spo.sim.shared.index import PodFacts
from spo.sim.shared.resource_requests import Needs
from spo.sim.store import StoreKey

CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", False)
ROOM = {"cpu": 4 * NANO}


def facts(name: str, cpu: int, priority: int = 0, created: str = "1") -> PodFacts:
    needs = Needs((("cpu", cpu * NANO),), (), priority)
    return PodFacts(StoreKey("pods", "default", name), name, "", "n", "Running", True, False, {}, created, needs)


def names(found: list[PodFacts] | None) -> list[str] | None:
    return None if found is None else [each.key.name for each in found]


def test_only_as_many_go_as_must_the_least_urgent_first() -> None:
    pods = [facts("a", 2, priority=1), facts("b", 1), facts("c", 1)]

    assert names(victims(Needs((("cpu", NANO),), (), 5), pods, ROOM, 9)) == ["c"]
    assert names(victims(Needs((("cpu", 2 * NANO),), (), 5), pods, ROOM, 9)) == ["b", "c"]
    assert names(victims(Needs((("cpu", 4 * NANO),), (), 5), pods, ROOM, 9)) == ["a", "b", "c"]


def test_room_that_is_promised_has_to_be_made_for_the_next_one_too() -> None:
    pods = [facts("a", 2), facts("b", 1, created="2"), facts("c", 1, created="3")]
    one = Needs((("cpu", NANO),), (), 5)

    assert names(victims(one, pods, ROOM, 9)) == ["c"]
    assert names(victims(one, pods, ROOM, 9, [one])) == ["b", "c"]


def test_the_equally_urgent_stay() -> None:
    assert victims(Needs((("cpu", NANO),), (), 1), [facts("a", 4, priority=1)], ROOM, 9) is None


def test_the_node_where_it_costs_least_is_chosen() -> None:
    found = {"x": [facts("a", 1, priority=3)], "y": [facts("b", 1, priority=1), facts("c", 1)]}

    assert best(found, lambda going: 0) == "y"
    assert best(found, lambda going: len(tuple(going)) - 1) == "x"  # a budget protects y's
    assert best({}, lambda going: 0) == ""


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    made: dict[str, Any] = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 100}
    cluster.client().create(CLASSES, {**made, "metadata": {"name": "urgent"}})
    cluster.client().create(CLASSES, {**made, "metadata": {"name": "patient"}, "preemptionPolicy": "Never"})
    return cluster


def create(cluster: SimulatedCluster, name: str, cpu: str, **spec: Any) -> None:
    resources = {"resources": {"requests": {"cpu": cpu}}}
    cluster.client().create(PODS, pod(name, container=resources, **spec))


def test_an_urgent_pod_takes_the_place_of_another(cluster: SimulatedCluster) -> None:
    create(cluster, "plain", "6")
    cluster.rest()
    create(cluster, "urgent", "6", priorityClassName="urgent")
    cluster.run(0.5)
    leaving = cluster.client().get(PODS, "default", "plain")
    assert "deletionTimestamp" in leaving["metadata"]
    assert "PreemptionByScheduler" in {each.get("reason") for each in leaving["status"]["conditions"]}
    assert cluster.client().get(PODS, "default", "urgent")["status"]["nominatedNodeName"] == "node-1"

    assert cluster.rest()
    assert [each["metadata"]["name"] for each in cluster.client().list(PODS)] == ["urgent"]
    assert cluster.client().get(PODS, "default", "urgent")["status"]["phase"] == "Running"


def test_room_that_is_made_for_an_urgent_pod_is_nobody_elses(cluster: SimulatedCluster) -> None:
    slow = {"command": ["sleep", "infinity"], "resources": {"requests": {"cpu": "6"}}}
    cluster.client().create(PODS, pod("plain", container=slow))
    cluster.rest()
    create(cluster, "urgent", "7", priorityClassName="urgent")
    cluster.run(0.5)
    create(cluster, "latecomer", "2")  # it would fit beside the one that goes
    assert cluster.rest()

    phases = {each["metadata"]["name"]: each["status"]["phase"] for each in cluster.client().list(PODS)}
    assert phases == {"urgent": "Running", "latecomer": "Pending"}


def test_the_most_urgent_takes_even_what_was_promised_to_others(cluster: SimulatedCluster) -> None:
    made: dict[str, Any] = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 900}
    cluster.client().create(CLASSES, {**made, "metadata": {"name": "first"}})
    slow = {"command": ["sleep", "infinity"], "resources": {"requests": {"cpu": "4"}}}
    for name in ("a", "b"):
        cluster.client().create(PODS, pod(name, container=slow))
    cluster.rest()
    for name in ("c", "d"):
        create(cluster, name, "4", priorityClassName="urgent")
    cluster.run(0.5)
    create(cluster, "first", "4", priorityClassName="first")
    assert cluster.rest()

    phases = sorted((each["status"]["phase"], each["metadata"]["name"]) for each in cluster.client().list(PODS))
    assert [phase for phase, _ in phases] == ["Pending", "Running", "Running"]
    assert ("Running", "first") in phases


def test_one_that_never_preempts_waits(cluster: SimulatedCluster) -> None:
    create(cluster, "plain", "6")
    cluster.rest()
    create(cluster, "urgent", "6", priorityClassName="patient")
    assert cluster.rest()

    assert cluster.client().get(PODS, "default", "urgent")["status"]["phase"] == "Pending"


def test_what_an_administrator_adds_to_a_node_can_be_asked_for(cluster: SimulatedCluster) -> None:
    patch = {"status": {"capacity": {"example.com/gpu": "2"}}}
    cluster.client().patch(NODES, "", "node-1", patch, subresource="status")
    cluster.rest()
    wants = {"resources": {"requests": {"example.com/gpu": "2"}, "limits": {"example.com/gpu": "2"}}}
    for name in ("first", "second"):
        cluster.client().create(PODS, pod(name, container=wants))
        cluster.rest()

    assert cluster.client().get(PODS, "default", "first")["status"]["phase"] == "Running"
    message = cluster.client().get(PODS, "default", "second")["status"]["conditions"][0]["message"]
    assert message == "0/1 nodes are available: 1 Insufficient example.com/gpu."
