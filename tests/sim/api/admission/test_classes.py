"""What the classes that a pod names add to it."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import pod

from spo.model.resource import PODS, Resource
from spo.sim.api.status import ApiError
from spo.sim.cluster import SimulatedCluster

PRIORITIES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", False)
CONTROLLERS = Resource("", "v1", "replicationcontrollers", "ReplicationController")
RUNTIMES = Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", False)


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    return cluster


def add(cluster: SimulatedCluster, resource: Resource, name: str, **fields: Any) -> None:
    made = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}, **fields}
    cluster.client().create(resource, made)


def spec(cluster: SimulatedCluster, **wanted: Any) -> dict[str, Any]:
    made: dict[str, Any] = cluster.client().create(PODS, pod("p", **wanted))["spec"]
    return made


def test_a_priority_class_gives_its_value_and_its_policy(cluster: SimulatedCluster) -> None:
    add(cluster, PRIORITIES, "high", value=7, preemptionPolicy="Never")
    found = spec(cluster, priorityClassName="high")

    assert (found["priority"], found["preemptionPolicy"]) == (7, "Never")


def test_a_pod_may_not_say_otherwise_than_its_class(cluster: SimulatedCluster) -> None:
    add(cluster, PRIORITIES, "high", value=7)
    for wanted in ({"priority": 8}, {"preemptionPolicy": "Never"}):
        with pytest.raises(ApiError) as refused:
            spec(cluster, priorityClassName="high", **wanted)
        assert "must not be provided in pod spec" in refused.value.message


def test_the_least_of_everyones_classes_is_for_pods_that_name_none(cluster: SimulatedCluster) -> None:
    add(cluster, PRIORITIES, "much", value=9, globalDefault=True)
    add(cluster, PRIORITIES, "some", value=3, globalDefault=True)
    found = spec(cluster)

    assert (found["priorityClassName"], found["priority"]) == ("some", 3)


def test_classes_of_the_system_are_there(cluster: SimulatedCluster) -> None:
    assert spec(cluster, priorityClassName="system-node-critical")["priority"] == 2_000_001_000


def test_a_runtime_class_adds_overhead_and_where_it_may_run(cluster: SimulatedCluster) -> None:
    toleration = {"key": "sandbox", "operator": "Exists"}
    scheduling = {"nodeSelector": {"runtime": "sandbox"}, "tolerations": [toleration]}
    add(cluster, RUNTIMES, "box", handler="box", overhead={"podFixed": {"cpu": "10m"}}, scheduling=scheduling)
    found = spec(cluster, runtimeClassName="box", nodeSelector={"zone": "a"})

    assert found["overhead"] == {"cpu": "10m"}
    assert found["nodeSelector"] == {"zone": "a", "runtime": "sandbox"}
    assert toleration in found["tolerations"]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"runtimeClassName": "none"}, 'RuntimeClass "none" not found'),
        ({"overhead": {"cpu": "1"}}, "Pod Overhead set without corresponding RuntimeClass defined Overhead"),
        ({"runtimeClassName": "box", "overhead": {"cpu": "1"}}, "Pod's Overhead doesn't match"),
        ({"runtimeClassName": "box", "nodeSelector": {"runtime": "other"}}, "conflict: runtimeClass.scheduling"),
    ],
)
def test_a_pod_that_contradicts_its_runtime_class_is_refused(cluster: SimulatedCluster, wanted: Any, why: str) -> None:
    overhead, scheduling = {"podFixed": {"cpu": "10m"}}, {"nodeSelector": {"runtime": "sandbox"}}
    add(cluster, RUNTIMES, "box", handler="box", overhead=overhead, scheduling=scheduling)
    with pytest.raises(ApiError) as refused:
        spec(cluster, **wanted)

    assert (refused.value.code, why in refused.value.message) == (403, True)


def test_the_scale_of_a_replication_controller_shows_its_selector(cluster: SimulatedCluster) -> None:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": pod("p")["spec"]}
    made = {"metadata": {"name": "c", "namespace": "default"}, "spec": {"replicas": 1, "template": template}}
    cluster.client().create(CONTROLLERS, made)
    path = CONTROLLERS.path("default", "c", "scale")
    cluster.client().call("PATCH", path, {"spec": {"replicas": 2}}, content_type="application/merge-patch+json")
    cluster.rest()

    assert cluster.client().call("GET", path)["status"] == {"replicas": 2, "selector": "app=x"}
