"""Node life: silence, taints, eviction, and the pods of nodes that are gone."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import daemon_set, deployment, pod

from spo.model.resource import DAEMONSETS, DEPLOYMENTS, NODES, PODS
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.nodelife import stands_s, taints_of

UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.rest()
    return cluster


def node(cluster: SimulatedCluster, name: str) -> dict[str, Any]:
    return cluster.client().get(NODES, "", name)


def ready(cluster: SimulatedCluster, name: str) -> str:
    return next(each["status"] for each in node(cluster, name)["status"]["conditions"] if each["type"] == "Ready")


def effects(cluster: SimulatedCluster, name: str) -> list[str]:
    return [taint["effect"] for taint in node(cluster, name)["spec"].get("taints", [])]


def test_a_new_node_is_tainted_until_it_is_known_to_be_ready(cluster: SimulatedCluster) -> None:
    cluster.add_node("node-9")
    assert node(cluster, "node-9")["spec"]["taints"][0]["key"] == "node.kubernetes.io/not-ready"
    cluster.run(1)

    assert effects(cluster, "node-9") == []


def test_forty_seconds_of_silence_mark_a_node(cluster: SimulatedCluster) -> None:
    cluster.stop_node("node-2")
    cluster.run(39)
    before = ready(cluster, "node-2")
    cluster.run(2)

    assert (before, ready(cluster, "node-2")) == ("True", "Unknown")
    assert effects(cluster, "node-2") == ["NoSchedule", "NoExecute"]


def test_a_short_silence_is_not_noticed(cluster: SimulatedCluster) -> None:
    cluster.stop_node("node-2")
    cluster.run(30)
    cluster.start_node("node-2")
    cluster.run(60)

    assert (ready(cluster, "node-2"), effects(cluster, "node-2")) == ("True", [])


def test_a_node_that_comes_back_is_as_before(cluster: SimulatedCluster) -> None:
    cluster.stop_node("node-2")
    cluster.run(60)
    cluster.start_node("node-2")
    cluster.rest()

    assert (ready(cluster, "node-2"), effects(cluster, "node-2")) == ("True", [])


def test_pods_of_a_silent_node_move_after_five_minutes_but_daemons_stay(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(DEPLOYMENTS, deployment(replicas=2))
    client.create(DAEMONSETS, daemon_set())
    cluster.rest()
    cluster.stop_node("node-2")
    cluster.run(330)
    early = [each for each in cluster.context.pods.on("node-2") if each.deleting]
    cluster.run(60)

    late = [each.key.name for each in cluster.context.pods.on("node-2") if each.deleting]
    assert early == []
    assert [name.startswith("web-") for name in late] == [True]
    assert client.get(DEPLOYMENTS, "default", "web")["status"]["readyReplicas"] == 2
    cluster.start_node("node-2")
    cluster.rest()
    assert [each.key.name[:5] for each in cluster.context.pods.on("node-2")] == ["agent"]


def test_a_pod_that_lost_its_node_is_not_ready(cluster: SimulatedCluster) -> None:
    cluster.client().create(PODS, pod("p", nodeName="node-2"))
    cluster.rest()
    cluster.stop_node("node-2")
    cluster.run(50)

    assert [each.ready for each in cluster.context.pods.on("node-2")] == [False]


def test_the_pods_of_a_removed_node_go(cluster: SimulatedCluster) -> None:
    cluster.client().create(PODS, pod("p", nodeName="node-2"))
    cluster.rest()
    cluster.remove_node("node-2")
    assert cluster.rest()

    assert cluster.client().list(PODS) == []


def test_a_taint_of_an_administrator_evicts_too(cluster: SimulatedCluster) -> None:
    client = cluster.client()
    client.create(PODS, pod("goes", nodeName="node-1"))
    client.create(PODS, pod("stays", nodeName="node-1", tolerations=[{"key": "mine", "operator": "Exists"}]))
    cluster.rest()
    client.patch(NODES, "", "node-1", {"spec": {"taints": [{"key": "mine", "effect": "NoExecute"}]}})
    cluster.rest()

    assert [each["metadata"]["name"] for each in client.list(PODS)] == ["stays"]


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 0.0),
        ([{"operator": "Exists"}], None),
        ([{"operator": "Exists", "tolerationSeconds": 30}], 30.0),
        ([{"operator": "Exists", "tolerationSeconds": 30}, {"operator": "Exists", "tolerationSeconds": 5}], 5.0),
        ([{"operator": "Exists", "tolerationSeconds": -1}], 0.0),
        ([{"key": "other", "operator": "Exists"}], 0.0),
    ],
)
def test_a_pod_stands_a_taint_as_long_as_it_tolerates_it(tolerations: Any, seconds: float | None) -> None:
    assert stands_s(tolerations, [UNREACHABLE]) == seconds


def test_taints_follow_the_conditions_and_leave_others_alone() -> None:
    mine = {"key": "mine", "effect": "NoSchedule"}
    old = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    status = {"conditions": [{"type": "Ready", "status": "True"}]}

    assert taints_of({"spec": {"taints": [old, mine]}, "status": status}, "now") == [mine]
    assert taints_of({"spec": {"unschedulable": True}, "status": status}, "now") == [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": "now"}
    ]


def test_a_node_of_a_dump_may_have_no_spec() -> None:
    cluster = SimulatedCluster(nodes=0)
    cluster.load([{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "bare"}}])
    cluster.run(60)

    assert cluster.client().get(NODES, "", "bare")["metadata"]["name"] == "bare"


@pytest.mark.parametrize(("taint", "reason"), [(True, "DeletionByTaintManager"), (False, "DeletionByPodGC")])
def test_a_pod_that_has_to_go_is_told_why(cluster: SimulatedCluster, taint: bool, reason: str) -> None:
    held = pod("p", nodeName="node-2")
    held["metadata"]["finalizers"] = ["example.com/look"]
    cluster.client().create(PODS, held)
    cluster.rest()
    if taint:
        cluster.client().patch(NODES, "", "node-2", {"spec": {"taints": [{"key": "mine", "effect": "NoExecute"}]}})
    else:
        cluster.remove_node("node-2")
    cluster.rest()

    conditions = {each["type"]: each for each in cluster.client().get(PODS, "default", "p")["status"]["conditions"]}
    assert conditions["DisruptionTarget"]["reason"] == reason
