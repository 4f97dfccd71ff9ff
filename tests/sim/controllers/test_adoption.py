"""Sets take in pods that nobody owns, and let go what no longer matches."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import deployment, pod, template

from spo.model.resource import PODS
from spo.sim.client import Object
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.deployment import DEPLOYMENTS
from spo.sim.controllers.replicaset import REPLICASETS, REPLICATION_CONTROLLERS


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.rest()
    return cluster


def replica_set(replicas: int) -> Object:
    spec: Object = {"replicas": replicas, "selector": {"matchLabels": {"app": "x"}}, "template": template()}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "s", "namespace": "default"},
        "spec": spec,
    }


def owners(cluster: SimulatedCluster, name: str) -> list[str]:
    metadata: dict[str, Any] = cluster.client().get(PODS, "default", name)["metadata"]
    return [each["name"] for each in metadata.get("ownerReferences") or ()]


def test_a_new_set_takes_in_a_pod_that_was_there(cluster: SimulatedCluster) -> None:
    cluster.client().create(PODS, pod("lonely", labels={"app": "x"}))
    cluster.client().create(REPLICASETS, replica_set(1))
    assert cluster.rest()

    assert owners(cluster, "lonely") == ["s"]
    assert len(cluster.client().list(PODS)) == 1


def test_a_set_takes_in_a_pod_that_comes_later(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(REPLICASETS, replica_set(1))
    cluster.rest()
    client.create(PODS, pod("late", labels={"app": "x"}))
    assert cluster.rest()

    assert len(client.list(PODS)) == 1  # one too many: one of them went


def test_a_pod_of_others_and_one_without_the_labels_stay_what_they_are(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    reference = {"apiVersion": "v1", "kind": "Thing", "name": "t", "uid": "u", "controller": True}
    held = pod("held", labels={"app": "x"})
    held["metadata"]["ownerReferences"] = [reference]
    client.create(PODS, held)
    version = client.create(PODS, pod("other", nodeName="nowhere", labels={"app": "y"}))["metadata"]["resourceVersion"]
    client.create(REPLICASETS, replica_set(1))
    cluster.run(5)

    assert owners(cluster, "held") == ["t"]
    assert client.get(PODS, "default", "other")["metadata"]["resourceVersion"] == version  # not even for a moment
    assert len(client.list(PODS)) == 3


def test_a_pod_that_no_longer_matches_is_let_go_and_replaced(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(REPLICASETS, replica_set(1))
    cluster.rest()
    name = client.list(PODS)[0]["metadata"]["name"]
    client.patch(PODS, "default", name, {"metadata": {"labels": {"app": "y"}}})
    assert cluster.rest()

    assert owners(cluster, name) == []
    assert len(client.list(PODS)) == 2


def test_a_replication_controller_does_as_a_set_does(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(PODS, pod("lonely", labels={"app": "x"}))
    metadata = {"name": "c", "namespace": "default"}
    spec = {"replicas": 2, "template": template()}
    client.create(
        REPLICATION_CONTROLLERS,
        {"apiVersion": "v1", "kind": "ReplicationController", "metadata": metadata, "spec": spec},
    )
    assert cluster.rest()

    found = client.get(REPLICATION_CONTROLLERS, "default", "c")
    assert owners(cluster, "lonely") == ["c"]
    assert found["spec"]["selector"] == {"app": "x"}
    assert (found["status"]["replicas"], found["status"]["availableReplicas"]) == (2, 2)
    assert "terminatingReplicas" not in found["status"]


def test_an_orphaned_replica_set_keeps_its_pods_and_finds_a_new_deployment(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(DEPLOYMENTS, deployment(replicas=2))
    cluster.rest()
    pods = sorted(each["metadata"]["name"] for each in client.list(PODS))
    client.delete(DEPLOYMENTS, "default", "web", policy="Orphan")
    assert cluster.rest()
    assert "ownerReferences" not in client.list(REPLICASETS)[0]["metadata"]

    client.create(DEPLOYMENTS, deployment(replicas=2))
    assert cluster.rest()

    assert [each["metadata"]["ownerReferences"][0]["kind"] for each in client.list(REPLICASETS)] == ["Deployment"]
    assert sorted(each["metadata"]["name"] for each in client.list(PODS)) == pods
