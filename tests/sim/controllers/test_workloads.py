"""Deployments, ReplicaSets and Jobs."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import deployment, job

from spo.model.resource import DEPLOYMENTS, EVENTS, PODS, SERVICE_ACCOUNTS
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.job import JOBS
from spo.sim.controllers.replicaset import REPLICASETS
from spo.sim.controllers.rollout import SetFacts, recreate, roll


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.rest()
    return cluster


def sizes(cluster: SimulatedCluster) -> list[int]:
    return sorted(each["spec"]["replicas"] for each in cluster.client().list(REPLICASETS))


def test_a_deployment_has_its_pods(cluster: SimulatedCluster) -> None:
    cluster.client().create(DEPLOYMENTS, deployment(replicas=3))
    assert cluster.rest()

    status = cluster.client().get(DEPLOYMENTS, "default", "web")["status"]
    assert (status["replicas"], status["readyReplicas"], status["updatedReplicas"]) == (3, 3, 3)
    assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
        ("Available", "MinimumReplicasAvailable"),
        ("Progressing", "NewReplicaSetAvailable"),
    ]


def test_scaling_goes_both_ways(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(DEPLOYMENTS, deployment(replicas=2))
    cluster.rest()
    for replicas in (5, 1):
        client.patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": replicas}})
        cluster.rest()

        assert len(client.list(PODS)) == replicas


def test_a_new_template_replaces_all_pods_and_an_old_one_again(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(DEPLOYMENTS, deployment(replicas=4))
    cluster.rest()
    for image in ("images.test/app:2", "images.test/app:1"):
        container = {"name": "main", "image": image}
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        client.patch(DEPLOYMENTS, "default", "web", patch, how="strategic")
        assert cluster.rest()

        assert {each["spec"]["containers"][0]["image"] for each in client.list(PODS)} == {image}
        assert sizes(cluster) == [0, 4]
    annotations = client.get(DEPLOYMENTS, "default", "web")["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision"] == "3"


def test_a_deleted_pod_is_replaced(cluster: SimulatedCluster) -> None:
    cluster.client().create(DEPLOYMENTS, deployment(replicas=2))
    cluster.rest()
    name = cluster.client().list(PODS)[0]["metadata"]["name"]
    cluster.client().delete(PODS, "default", name)
    cluster.rest()

    assert len(cluster.client().list(PODS)) == 2


def test_a_deleted_deployment_takes_everything_along(cluster: SimulatedCluster) -> None:
    cluster.client().create(DEPLOYMENTS, deployment(replicas=2))
    cluster.rest()
    cluster.client().delete(DEPLOYMENTS, "default", "web", policy="Foreground")
    assert cluster.rest()

    assert cluster.client().list(PODS) == cluster.client().list(REPLICASETS) == cluster.client().list(DEPLOYMENTS) == []


def of_set(name: str, wanted: int, available: int | None = None) -> SetFacts:
    return SetFacts(name, wanted, wanted, wanted if available is None else available)


def test_a_roll_out_grows_as_far_as_the_surge_allows() -> None:
    assert roll(of_set("new", 0), [of_set("old", 4)], 4, surge=1, unavailable=0) == {"new": 1}


def test_an_old_pod_goes_for_each_new_one_that_is_available() -> None:
    assert roll(of_set("new", 1, 0), [of_set("old", 4)], 4, surge=1, unavailable=0) == {}
    assert roll(of_set("new", 1, 1), [of_set("old", 4)], 4, surge=1, unavailable=0) == {"old": 3}


def test_old_pods_that_are_not_available_go_first() -> None:
    old = [of_set("well", 3, 3), of_set("sick", 2, 0)]

    assert roll(of_set("new", 1, 1), old, 4, surge=1, unavailable=0) == {"sick": 0}


def test_recreation_waits_until_the_old_pods_are_gone() -> None:
    assert recreate(of_set("new", 0), [of_set("old", 2)], 2) == {"old": 0}
    assert recreate(of_set("new", 0), [SetFacts("old", 0, 1, 0)], 2) == {}
    assert recreate(of_set("new", 0), [of_set("old", 0)], 2) == {"new": 2}


def status(cluster: SimulatedCluster, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.client().get(JOBS, "default", name)["status"]
    return found


def test_a_job_completes_when_enough_pods_have_succeeded(cluster: SimulatedCluster) -> None:
    cluster.client().create(JOBS, job("j", ["true"], completions=3, parallelism=2))
    assert cluster.rest()

    assert status(cluster, "j")["succeeded"] == 3
    assert [each["type"] for each in status(cluster, "j")["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert len(cluster.client().list(PODS)) == 3


def test_a_job_fails_after_its_last_try_and_waits_between_tries(cluster: SimulatedCluster) -> None:
    cluster.client().create(JOBS, job("j", ["false"], backoffLimit=1))
    cluster.run(9)
    tries_at_first = len(cluster.client().list(PODS))
    assert cluster.rest()

    assert tries_at_first == 1
    assert status(cluster, "j")["failed"] == 2
    assert [each["type"] for each in status(cluster, "j")["conditions"]] == ["FailureTarget", "Failed"]
    assert "BackoffLimitExceeded" in {event["reason"] for event in cluster.client().list(EVENTS, "default")}


def test_a_pod_that_cannot_be_made_is_told(cluster: SimulatedCluster) -> None:
    web = deployment()
    web["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    cluster.client().create(DEPLOYMENTS, web)
    assert cluster.rest()

    told = [event["message"] for event in cluster.client().list(EVENTS, "default") if event["reason"] == "FailedCreate"]
    assert told
    assert told[0].endswith('serviceaccount "nobody" not found')
    cluster.client().create(SERVICE_ACCOUNTS, {"metadata": {"name": "nobody", "namespace": "default"}})
    assert cluster.run_until(lambda: len(cluster.context.pods.all) == 2, max_s=600)
