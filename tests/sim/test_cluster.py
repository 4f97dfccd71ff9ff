"""The simulated cluster as a whole: who may ask, what it begins with, how time passes."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from typing import Any

import pytest
from manifests import daemon_set, deployment, job, pod

from spo.model.resource import DAEMONSETS, DEPLOYMENTS, LEASES, NODES, PODS
from spo.sim.api.status import ApiError
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.job import JOBS
from spo.sim.controllers.registry import HOUSEKEEPING


def busy_day(seed: int) -> str:
    """A hash over every revision of a day with a bit of everything."""
    cluster = SimulatedCluster(seed=seed)
    cluster.rest()
    digest = sha256()
    cluster.store.subscribe(lambda change: digest.update((change.after or change.deleted).body))  # type: ignore[union-attr]
    client = cluster.client()
    client.create(DAEMONSETS, daemon_set())
    client.create(DEPLOYMENTS, deployment(replicas=3))
    client.create(JOBS, job("j", ["sh", "-c", "sleep 2; exit 1"], backoffLimit=2))
    cluster.rest()
    client.patch(DAEMONSETS, "default", "agent", {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}})
    cluster.stop_node("node-2")
    cluster.rest()
    cluster.start_node("node-2")
    client.delete(DEPLOYMENTS, "default", "web")
    cluster.rest()
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_history() -> None:
    assert busy_day(1) == busy_day(1)


def test_the_same_seed_gives_the_same_history_under_any_hash_seed() -> None:
    found = set()
    for hash_seed in ("0", "1", "2"):
        code = "from test_cluster import busy_day; print(busy_day(3))"
        path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(run.stdout)

    assert len(found) == 1


def test_another_seed_gives_another_history() -> None:
    assert busy_day(1) != busy_day(2)


def test_parts_can_be_left_out() -> None:
    cluster = SimulatedCluster(nodes=1, controllers=HOUSEKEEPING, service_account_admission=False)
    cluster.client().create(PODS, pod("p"))
    assert cluster.rest()

    assert "nodeName" not in cluster.client().get(PODS, "default", "p")["spec"]


def test_a_user_has_the_rights_that_rbac_gives() -> None:
    cluster = SimulatedCluster(nodes=1)

    for user in ("alice", "system:serviceaccount:default:default"):
        with pytest.raises(ApiError) as refused:
            cluster.client(user).list(PODS, "default")
        assert refused.value.code == 403
        assert f'User "{user}" cannot list' in refused.value.message


def test_pods_of_a_dump_are_taken_over_as_they_are() -> None:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    cluster.client().create(PODS, pod("p"))
    cluster.rest()
    dump: list[dict[str, Any]] = [cluster.client().get(NODES, "", "node-1"), cluster.client().get(PODS, "default", "p")]

    other = SimulatedCluster(nodes=0)
    unserved = {"apiVersion": "x/v1", "kind": "What", "metadata": {"name": "w"}}
    assert other.load([*reversed(dump), unserved]) == ([unserved], [])
    revision = other.store.revision
    assert other.rest()

    assert list(other.nodes) == ["node-1"]
    assert other.client().get(PODS, "default", "p")["metadata"]["uid"] == dump[1]["metadata"]["uid"]
    assert [change.key.resource for change in other.store.since(revision) if change.key.resource == "pods"] == []
    other.client().delete(PODS, "default", "p")
    assert other.rest()
    assert other.client().list(PODS) == []


def test_a_crowd_of_pods_is_there_at_once_and_at_rest() -> None:
    cluster = SimulatedCluster(nodes=10)
    cluster.add_pods(95)
    revision = cluster.store.revision
    assert cluster.rest()

    assert cluster.store.count("pods") == 95
    assert cluster.context.pods.all[next(iter(cluster.context.pods.all))].ready
    assert {change.key.resource for change in cluster.store.since(revision)} <= {"configmaps", "serviceaccounts"}
    assert sorted({len(list(cluster.context.pods.on(node))) for node in cluster.nodes}) == [9, 10]


def test_an_hour_costs_nothing() -> None:
    cluster = SimulatedCluster(nodes=3)
    cluster.client().create(DAEMONSETS, daemon_set())
    cluster.rest()
    revision = cluster.store.revision
    cluster.run(3600)

    assert (cluster.store.revision, cluster.timeline.next_ns()) == (revision, None)


def test_running_until_stops_at_the_moment_it_holds() -> None:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    begun = cluster.timeline.now
    cluster.timeline.after(7, lambda: None)
    cluster.timeline.after(9, lambda: None)

    assert cluster.run_until(lambda: cluster.timeline.now - begun >= 5, max_s=60)
    assert round(cluster.timeline.now - begun) == 7
    assert not cluster.run_until(lambda: False, max_s=60)
    assert round(cluster.timeline.now - begun) == 67


def test_the_world_is_not_at_rest_before_fifteen_quiet_seconds() -> None:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    begun = cluster.timeline.now
    cluster.timeline.after(14, lambda: cluster.client().create(PODS, pod("p")) and None, idle=True)
    cluster.client().create(PODS, pod("q"))

    assert not cluster.rest(max_s=10)
    assert cluster.rest()
    assert cluster.timeline.now - begun > 29


def test_heartbeats_do_not_disturb_rest() -> None:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    client = cluster.client()
    client.create(LEASES, {"metadata": {"name": "l", "namespace": "default"}, "spec": {"holderIdentity": "0"}})

    def beat(count: int) -> None:
        client.patch(LEASES, "default", "l", {"spec": {"holderIdentity": str(count)}})
        cluster.timeline.after(2, lambda: beat(count + 1), idle=True)

    beat(1)
    assert cluster.rest(max_s=30)


def test_a_world_that_never_rests_is_told() -> None:
    cluster = SimulatedCluster(nodes=1)

    def again() -> None:
        cluster.timeline.after(1, again)

    again()
    assert not cluster.rest(max_s=60)


def test_the_clusters_own_programs_are_field_managers_by_their_names() -> None:
    cluster = SimulatedCluster(nodes=1)
    path, query = DEPLOYMENTS.path("default", "d"), (("fieldManager", "me"),)
    applied = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment("d")}
    cluster.client().call("PATCH", path, applied, query=query, content_type="application/apply-patch+yaml")
    cluster.rest()

    managers = cluster.client().get(DEPLOYMENTS, "default", "d")["metadata"]["managedFields"]

    assert {entry["manager"] for entry in managers} == {"me", "kube-controller-manager"}
