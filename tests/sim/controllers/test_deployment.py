"""The life of a Deployment: revisions, roll-backs, pauses, deadlines."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import deployment

from spo.model.resource import PODS
from spo.sim.client import Object
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.deployment import DEPLOYMENTS, PAST_REVISIONS, REVISION
from spo.sim.controllers.replicaset import REPLICASETS


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.rest()
    return cluster


def create(cluster: SimulatedCluster, replicas: int = 2, annotations: Object | None = None, **spec: Any) -> None:
    made = deployment(replicas=replicas)
    made["spec"] |= spec
    made["metadata"]["annotations"] = annotations or {}
    cluster.client().create(DEPLOYMENTS, made)
    cluster.rest()


def change(cluster: SimulatedCluster, spec: Object) -> None:
    cluster.client().patch(DEPLOYMENTS, "default", "web", {"spec": spec}, how="strategic")
    cluster.rest()


def image(name: str) -> Object:
    return {"template": {"spec": {"containers": [{"name": "main", "image": f"images.test/app:{name}"}]}}}


def found(cluster: SimulatedCluster) -> Object:
    return cluster.client().get(DEPLOYMENTS, "default", "web")


def condition(cluster: SimulatedCluster, type_: str) -> tuple[str, str]:
    each = next(each for each in found(cluster)["status"]["conditions"] if each["type"] == type_)
    return each["status"], each["reason"]


def sets(cluster: SimulatedCluster) -> dict[str, Object]:
    listed = cluster.client().list(REPLICASETS)
    return {each["spec"]["template"]["spec"]["containers"][0]["image"][-1]: each for each in listed}


def test_a_roll_back_makes_the_old_set_the_newest_revision(cluster: SimulatedCluster) -> None:
    create(cluster, annotations={"kubernetes.io/change-cause": "first"})
    change(cluster, image("2"))
    change(cluster, image("1"))

    annotations = sets(cluster)["1"]["metadata"]["annotations"]
    assert (annotations[REVISION], annotations[PAST_REVISIONS]) == ("3", "1")
    assert annotations["kubernetes.io/change-cause"] == "first"
    assert found(cluster)["metadata"]["annotations"][REVISION] == "3"


def test_old_sets_beyond_the_limit_go(cluster: SimulatedCluster) -> None:
    create(cluster, revisionHistoryLimit=1)
    for name in "234":
        change(cluster, image(name))

    assert sorted(sets(cluster)) == ["3", "4"]


def test_a_template_that_changes_again_before_it_is_out_replaces_both(cluster: SimulatedCluster) -> None:
    create(cluster)
    change(cluster, image("404"))  # never comes up
    change(cluster, image("3"))

    assert {each["spec"]["containers"][0]["image"] for each in cluster.client().list(PODS)} == {"images.test/app:3"}


def test_while_it_is_paused_only_its_size_changes(cluster: SimulatedCluster) -> None:
    create(cluster)
    change(cluster, {"paused": True, "replicas": 3, **image("2")})
    assert {each["spec"]["replicas"] for each in cluster.client().list(REPLICASETS)} == {3}
    assert condition(cluster, "Progressing") == ("Unknown", "DeploymentPaused")

    change(cluster, {"paused": False})
    assert {name: each["spec"]["replicas"] for name, each in sets(cluster).items()} == {"1": 0, "2": 3}


def test_a_roll_out_that_stands_still_misses_its_deadline(cluster: SimulatedCluster) -> None:
    create(cluster, replicas=4, progressDeadlineSeconds=30)
    change(cluster, image("404"))
    assert condition(cluster, "Progressing") == ("True", "ReplicaSetUpdated")

    cluster.run(60)
    assert condition(cluster, "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert condition(cluster, "Available") == ("True", "MinimumReplicasAvailable")

    change(cluster, image("1"))
    assert condition(cluster, "Progressing") == ("True", "NewReplicaSetAvailable")


def test_its_size_is_shared_out_in_the_middle_of_a_roll_out(cluster: SimulatedCluster) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    create(cluster, replicas=10, strategy=strategy)
    change(cluster, image("404"))
    assert sorted(each["spec"]["replicas"] for each in cluster.client().list(REPLICASETS)) == [5, 8]

    change(cluster, {"replicas": 30})
    assert sorted(each["spec"]["replicas"] for each in cluster.client().list(REPLICASETS)) == [13, 20]


def test_pods_count_as_available_when_they_have_been_ready_long_enough(cluster: SimulatedCluster) -> None:
    create(cluster, minReadySeconds=30)
    cluster.client().patch(DEPLOYMENTS, "default", "web", {"spec": {"replicas": 3}})
    cluster.run_until(lambda: found(cluster)["status"].get("readyReplicas") == 3, 20)
    assert found(cluster)["status"]["availableReplicas"] == 2

    cluster.run(31)
    assert found(cluster)["status"]["availableReplicas"] == 3


def test_conditions_of_others_are_kept(cluster: SimulatedCluster) -> None:
    create(cluster)
    foreign = {"type": "Mine", "status": "True", "reason": "Said", "message": ""}
    standing = found(cluster)["status"]["conditions"]
    patch = {"status": {"conditions": [*standing, foreign]}}
    cluster.client().patch(DEPLOYMENTS, "default", "web", patch, subresource="status")
    change(cluster, {"replicas": 3})

    assert condition(cluster, "Mine") == ("True", "Said")


def test_what_keeps_pods_from_being_made_stands_in_the_status(cluster: SimulatedCluster) -> None:
    made = deployment(replicas=1)
    made["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    cluster.client().create(DEPLOYMENTS, made)
    cluster.run(5)

    assert condition(cluster, "ReplicaFailure") == ("True", "FailedCreate")
