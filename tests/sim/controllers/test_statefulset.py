"""StatefulSets: numbered pods, in order."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import template

from spo.model.resource import PODS, Resource
from spo.sim.client import Object
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.statefulset import STATEFULSETS

CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.rest()
    return cluster


def create(cluster: SimulatedCluster, replicas: int = 3, **spec: Any) -> None:
    wanted = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "x"}},
        "serviceName": "s",
        "template": template(),
    }
    metadata = {"name": "db", "namespace": "default"}
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": {**wanted, **spec}}
    cluster.client().create(STATEFULSETS, made)
    cluster.rest()


def change(cluster: SimulatedCluster, spec: Object) -> None:
    cluster.client().patch(STATEFULSETS, "default", "db", {"spec": spec}, how="strategic")
    cluster.rest()


def image(name: str) -> Object:
    return {"template": {"spec": {"containers": [{"name": "main", "image": f"images.test/app:{name}"}]}}}


def images(cluster: SimulatedCluster) -> dict[str, str]:
    return {
        each["metadata"]["name"]: each["spec"]["containers"][0]["image"][-1] for each in cluster.client().list(PODS)
    }


def status(cluster: SimulatedCluster) -> Object:
    found: Object = cluster.client().get(STATEFULSETS, "default", "db")["status"]
    return found


def test_pods_come_up_one_after_the_other_under_their_numbers(cluster: SimulatedCluster) -> None:
    create(cluster)

    pods = cluster.client().list(PODS)
    assert [each["metadata"]["name"] for each in pods] == ["db-0", "db-1", "db-2"]
    started = [each["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] for each in pods]
    created = [each["metadata"]["creationTimestamp"] for each in pods]
    assert created[1] >= started[0] and created[2] >= started[1]
    assert pods[1]["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    assert (pods[1]["spec"]["hostname"], pods[1]["spec"]["subdomain"]) == ("db-1", "s")
    assert (status(cluster)["readyReplicas"], status(cluster)["currentReplicas"]) == (3, 3)


def test_one_that_does_not_come_up_holds_up_those_after_it(cluster: SimulatedCluster) -> None:
    create(cluster, **{"template": template(container={"image": "images.test/app:404"})})
    assert list(images(cluster)) == ["db-0"]


def test_parallel_ones_do_not_wait(cluster: SimulatedCluster) -> None:
    broken = template(container={"image": "images.test/app:404"})
    create(cluster, podManagementPolicy="Parallel", template=broken)

    assert len(images(cluster)) == 3


def test_the_last_ones_go_first(cluster: SimulatedCluster) -> None:
    create(cluster)
    change(cluster, {"replicas": 1})

    assert list(images(cluster)) == ["db-0"]


def test_a_change_rolls_out_from_the_last_to_the_first(cluster: SimulatedCluster) -> None:
    create(cluster)
    before = status(cluster)["currentRevision"]
    change(cluster, image("2"))

    assert set(images(cluster).values()) == {"2"}
    assert status(cluster)["currentRevision"] == status(cluster)["updateRevision"] != before


def test_a_partition_keeps_the_first_ones_as_they_are_even_when_they_are_made_again(cluster: SimulatedCluster) -> None:
    create(cluster, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    uid = cluster.client().get(PODS, "default", "db-1")["metadata"]["uid"]
    change(cluster, image("2"))
    cluster.client().delete(PODS, "default", "db-0")
    cluster.rest()

    assert images(cluster) == {"db-0": "1", "db-1": "1", "db-2": "2"}
    assert cluster.client().get(PODS, "default", "db-1")["metadata"]["uid"] == uid
    assert (status(cluster)["currentReplicas"], status(cluster)["updatedReplicas"]) == (2, 1)


def test_on_delete_waits_for_somebody_to_delete(cluster: SimulatedCluster) -> None:
    create(cluster, updateStrategy={"type": "OnDelete"})
    change(cluster, image("2"))
    assert set(images(cluster).values()) == {"1"}

    cluster.client().delete(PODS, "default", "db-1")
    cluster.rest()
    assert images(cluster) == {"db-0": "1", "db-1": "2", "db-2": "1"}


def test_a_pod_that_failed_is_made_again(cluster: SimulatedCluster) -> None:
    create(cluster, replicas=1)
    uid = cluster.client().get(PODS, "default", "db-0")["metadata"]["uid"]
    cluster.client().patch(PODS, "default", "db-0", {"status": {"phase": "Failed"}}, subresource="status")
    cluster.rest()

    found = cluster.client().get(PODS, "default", "db-0")
    assert found["metadata"]["uid"] != uid and found["status"]["phase"] == "Running"


def test_numbers_can_start_elsewhere(cluster: SimulatedCluster) -> None:
    create(cluster, replicas=2, ordinals={"start": 5})

    assert list(images(cluster)) == ["db-5", "db-6"]


def test_a_pod_waits_for_its_volume_which_stays_when_it_goes(cluster: SimulatedCluster) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    create(cluster, replicas=1, volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": spec}])
    pod = cluster.client().get(PODS, "default", "db-0")
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "data-db-0"}
    assert "unbound immediate PersistentVolumeClaims" in pod["status"]["conditions"][0]["message"]

    cluster.client().patch(CLAIMS, "default", "data-db-0", {"status": {"phase": "Bound"}}, subresource="status")
    cluster.rest()
    assert status(cluster)["readyReplicas"] == 1

    change(cluster, {"replicas": 0})
    assert [each["metadata"]["name"] for each in cluster.client().list(CLAIMS)] == ["data-db-0"]
