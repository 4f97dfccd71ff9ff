"""ControllerRevisions: every template once, newest last."""

from __future__ import annotations

from manifests import daemon_set

from spo.model.resource import DAEMONSETS, PODS
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.history import REVISIONS, data_of

IMAGES = ("images.test/app:1", "images.test/app:2", "images.test/app:3")


def running(image: str = IMAGES[0], **spec: int) -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.rest()
    made = daemon_set(container={"image": image})
    made["spec"] |= spec
    cluster.client().create(DAEMONSETS, made)
    assert cluster.rest()
    return cluster


def roll(cluster: SimulatedCluster, image: str) -> None:
    containers = [{"name": "main", "image": image}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    cluster.client().patch(DAEMONSETS, "default", "agent", patch, how="strategic")
    assert cluster.rest()


def revisions(cluster: SimulatedCluster) -> list[tuple[int, str]]:
    found = cluster.client().list(REVISIONS)
    image = [each["data"]["spec"]["template"]["spec"]["containers"][0]["image"] for each in found]
    return sorted((each["revision"], name) for each, name in zip(found, image, strict=True))


def test_each_template_has_a_revision_and_pods_carry_its_hash() -> None:
    cluster = running()
    roll(cluster, IMAGES[1])

    assert revisions(cluster) == [(1, IMAGES[0]), (2, IMAGES[1])]
    newest = max(cluster.client().list(REVISIONS), key=lambda each: int(each["revision"]))
    hashes = {each["metadata"]["labels"]["controller-revision-hash"] for each in cluster.client().list(PODS)}
    assert hashes == {newest["metadata"]["labels"]["controller-revision-hash"]}


def test_a_template_that_comes_back_gets_its_revision_back_with_a_new_number() -> None:
    cluster = running()
    roll(cluster, IMAGES[1])
    roll(cluster, IMAGES[0])

    assert revisions(cluster) == [(2, IMAGES[1]), (3, IMAGES[0])]


def test_a_revision_brings_its_template_back() -> None:
    cluster = running()
    roll(cluster, IMAGES[1])
    first = min(cluster.client().list(REVISIONS), key=lambda each: int(each["revision"]))
    cluster.client().patch(DAEMONSETS, "default", "agent", first["data"], how="strategic")
    assert cluster.rest()

    assert {each["spec"]["containers"][0]["image"] for each in cluster.client().list(PODS)} == {IMAGES[0]}


def test_no_more_are_kept_than_wanted() -> None:
    cluster = running(revisionHistoryLimit=1)
    for image in IMAGES[1:]:
        roll(cluster, image)

    assert revisions(cluster) == [(2, IMAGES[1]), (3, IMAGES[2])]


def test_the_keys_of_its_data_are_in_order() -> None:
    assert list(data_of({"spec": {}, "metadata": {}})["spec"]["template"]) == ["$patch", "metadata", "spec"]
