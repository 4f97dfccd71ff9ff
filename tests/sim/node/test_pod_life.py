"""What becomes of a pod that runs: changes of its spec, deadlines, images, ports, readiness, hooks."""

from __future__ import annotations

import pytest
from manifests import pod
from pod_views import create, main, ready, status

from spo.model.resource import PODS
from spo.sim.cluster import SimulatedCluster


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    return cluster


def test_a_changed_image_replaces_the_container(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    containers = [{"name": "main", "image": "images.test/app:2"}]
    cluster.client().patch(PODS, "default", "p", {"spec": {"containers": containers}}, how="strategic")
    assert cluster.rest()

    found = main(cluster)
    assert (found["image"], found["restartCount"], found["ready"]) == ("images.test/app:2", 1, True)
    generation = cluster.client().get(PODS, "default", "p")["metadata"]["generation"]
    assert status(cluster)["observedGeneration"] == generation == 2


def test_any_other_change_of_the_spec_is_seen(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    toleration = {"key": "a", "operator": "Exists", "effect": "NoSchedule"}
    cluster.client().patch(PODS, "default", "p", {"spec": {"tolerations": [toleration]}})
    assert cluster.rest()

    assert status(cluster)["observedGeneration"] == 2
    seen = {each["observedGeneration"] for each in status(cluster)["conditions"] if each["type"] == "Ready"}
    assert (seen, main(cluster)["restartCount"]) == ({2}, 0)


def test_a_pod_is_not_active_longer_than_it_may_be(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p"))
    cluster.client().patch(PODS, "default", "p", {"spec": {"activeDeadlineSeconds": 30}})
    cluster.run(10)
    assert status(cluster)["phase"] == "Running"

    cluster.run(30)
    assert (status(cluster)["phase"], status(cluster)["reason"]) == ("Failed", "DeadlineExceeded")
    assert "terminated" in main(cluster)["state"]


def test_a_deadline_far_away_is_no_reason_to_wait(cluster: SimulatedCluster) -> None:
    before = cluster.timeline.now
    create(cluster, pod("p", activeDeadlineSeconds=3600))

    assert cluster.timeline.now < before + 600


def test_an_image_that_no_registry_has_is_asked_for_ever_later(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", container={"image": "registry.invalid/app:1"}))
    waiting = main(cluster)["state"]["waiting"]
    assert waiting["reason"] == "ImagePullBackOff"
    assert 'Back-off pulling image "registry.invalid/app:1": ErrImagePull' in waiting["message"]

    containers = [{"name": "main", "image": "images.test/app:1"}]
    cluster.client().patch(PODS, "default", "p", {"spec": {"containers": containers}}, how="strategic")
    cluster.run(1)
    assert status(cluster)["phase"] == "Running"
    assert {each["observedGeneration"] for each in status(cluster)["conditions"]} == {2}


def test_a_node_has_each_port_once(cluster: SimulatedCluster) -> None:
    ports = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    for name in ("first", "second"):
        create(cluster, pod(name, container=ports, nodeName="node-1"))

    assert (status(cluster, "second")["phase"], status(cluster, "second")["reason"]) == ("Failed", "NodePorts")
    assert status(cluster, "first")["phase"] == "Running"


def test_a_container_is_ready_after_the_initial_delay_of_its_probe(cluster: SimulatedCluster) -> None:
    probe = {"tcpSocket": {"port": 80}, "initialDelaySeconds": 20}
    create(cluster, pod("p", container={"readinessProbe": probe}), rest=False)
    cluster.run(10)
    assert (ready(cluster), main(cluster)["started"], main(cluster)["ready"]) == ("False", True, False)

    cluster.run(15)
    assert (ready(cluster), main(cluster)["ready"]) == ("True", True)


def test_others_can_have_a_say_in_whether_a_pod_is_ready(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", readinessGates=[{"conditionType": "example.com/in-rotation"}]))
    assert (ready(cluster), main(cluster)["ready"]) == ("False", True)

    for said in ("True", "False"):
        condition = {"type": "example.com/in-rotation", "status": said}
        patch = {"status": {"conditions": [condition]}}
        cluster.client().patch(PODS, "default", "p", patch, how="strategic", subresource="status")
        cluster.rest()
        assert ready(cluster) == said


def test_a_hook_that_sleeps_keeps_the_container_as_long(cluster: SimulatedCluster) -> None:
    create(cluster, pod("p", container={"lifecycle": {"preStop": {"sleep": {"seconds": 20}}}}))
    cluster.client().delete(PODS, "default", "p")
    cluster.run(15)
    assert "running" in main(cluster)["state"]

    cluster.run(10)
    assert cluster.client().list(PODS) == []
