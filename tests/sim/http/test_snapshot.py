"""A cluster that is saved and loaded is the same one, after a power cut."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from spo.model.resource import CRDS, DEPLOYMENTS, NODES, PODS, Resource
from spo.sim.cluster import SimulatedCluster
from spo.sim.http.snapshot import BadSnapshot, restore, snapshot
from spo.sim.store import StoreKey

THINGS = Resource("example.com", "v1", "things", "Thing")


def deployment(replicas: int) -> dict[str, Any]:
    pod = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "a"}}, "template": pod}
    return {"metadata": {"name": "a", "namespace": "default"}, "spec": spec}


def definition() -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object"}}
    names = {"plural": "things", "kind": "Thing"}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    spec = {"group": "example.com", "scope": "Cluster", "names": names, "versions": versions}
    return {"metadata": {"name": "things.example.com"}, "spec": spec}


def a_cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(seed=3, nodes=["b", "a"])
    client = cluster.client()
    client.create(CRDS, definition())
    client.create(DEPLOYMENTS, deployment(3))
    cluster.rest()
    client.create(THINGS, {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one"}})
    cluster.nodes["a"].disk.write("/etc/motd", b"\xff\x00hello")
    cluster.rest()
    return cluster


def saved_and_loaded(cluster: SimulatedCluster) -> SimulatedCluster:
    lines = b"".join(snapshot(cluster)).splitlines(keepends=True)
    return restore(lines, lambda seed: SimulatedCluster(seed=seed, nodes=0))


def known(cluster: SimulatedCluster, resource: str) -> dict[StoreKey, str]:
    return {record.key: record.object()["metadata"]["uid"] for record in cluster.store.scan(resource)}


@pytest.mark.parametrize(
    "resource",
    ["pods", "deployments.apps", "replicasets.apps", "nodes", "namespaces", "serviceaccounts", "things.example.com"],
)
def test_every_object_is_there_again_under_its_name_and_uid(resource: str) -> None:
    before = a_cluster()
    after = saved_and_loaded(before)
    assert known(after, resource) == known(before, resource) != {}
    after.rest()
    assert known(after, resource) == known(before, resource)


def test_time_goes_on_and_revisions_only_grow() -> None:
    before = a_cluster()
    after = saved_and_loaded(before)

    assert after.timeline.now_ns == before.timeline.now_ns
    assert min(record.revision for record in after.store.scan("pods")) > before.store.revision
    assert after.store.compacted >= before.store.revision


def test_disks_keep_their_files_and_machines_their_addresses() -> None:
    before = a_cluster()
    after = saved_and_loaded(before)

    assert after.nodes["a"].disk.read("/etc/motd") == b"\xff\x00hello"
    assert {name: node.ip for name, node in after.nodes.items()} == {
        name: node.ip for name, node in before.nodes.items()
    }


def test_containers_start_anew_and_the_cluster_comes_to_rest() -> None:
    after = saved_and_loaded(a_cluster())
    assert after.rest()

    pods = after.client().list(PODS, "default")
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods] == [1] * 3


def test_what_is_made_later_has_a_uid_of_its_own() -> None:
    after = saved_and_loaded(a_cluster())
    after.client().patch(DEPLOYMENTS, "default", "a", {"spec": {"replicas": 9}})
    assert after.rest()

    uids = [uid for resource in after.store.resources() for uid in known(after, resource).values()]
    assert len(uids) == len({*uids})
    assert after.store.count("pods") == 9


def test_a_machine_that_was_off_stays_off() -> None:
    before = a_cluster()
    before.stop_node("b")
    before.rest()
    after = saved_and_loaded(before)
    after.rest()

    assert (after.nodes["a"].lives, after.nodes["b"].lives) == (True, False)
    ready = next(each for each in after.client().get(NODES, "", "b")["status"]["conditions"] if each["type"] == "Ready")
    assert ready["status"] == "Unknown"


def test_loading_twice_gives_the_same_cluster() -> None:
    lines = b"".join(snapshot(a_cluster())).splitlines(keepends=True)
    first, second = (restore(lines, lambda seed: SimulatedCluster(seed=seed, nodes=0)) for _ in range(2))
    for each in (first, second):
        each.rest()
    assert b"".join(snapshot(first)) == b"".join(snapshot(second))


HEAD = {"format": 1, "seed": 0, "now_ns": 0, "revision": 1, "machines": []}


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "line 1"),
        ([b"apiVersion: v1"], "line 1"),
        ([msgspec.json.encode({**HEAD, "format": 2})], "format is 2"),
        ([msgspec.json.encode(HEAD), b'{"type":"object"}'], "line 2"),
        ([msgspec.json.encode(HEAD), b'{"type":"file","node":"a","path":"/a","data":"?"}'], "line 2"),
        (
            [msgspec.json.encode({**HEAD, "machines": [{"name": "a", "number": 0, "lives": True, "boots": 1}]})],
            "no object of node a",
        ),
    ],
)
def test_what_is_no_snapshot_is_refused_with_the_place(lines: list[bytes], why: str) -> None:
    with pytest.raises(BadSnapshot, match=why):
        restore(lines, lambda seed: SimulatedCluster(seed=seed, nodes=0))
