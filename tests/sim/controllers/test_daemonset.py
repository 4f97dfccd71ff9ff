"""DaemonSets: one pod on each node that should have one."""

from __future__ import annotations

from typing import Any

from manifests import daemon_set

from spo.model.resource import DAEMONSETS, NODES, PODS
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.daemonset import Pace, decide, is_current
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey


def running(nodes: int = 3, **options: Any) -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=nodes)
    cluster.rest()
    cluster.client().create(DAEMONSETS, daemon_set(**options))
    assert cluster.rest()
    return cluster


def placed(cluster: SimulatedCluster) -> list[str]:
    return sorted(each.node for each in cluster.context.pods.all.values())


def status(cluster: SimulatedCluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.client().get(DAEMONSETS, "default", "agent")["status"]
    return found


def test_every_node_gets_a_pod_and_the_status_counts_them() -> None:
    cluster = running()

    assert placed(cluster) == ["node-1", "node-2", "node-3"]
    assert status(cluster) == {
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 3,
        "numberReady": 3,
        "observedGeneration": 1,
        "updatedNumberScheduled": 3,
        "numberAvailable": 3,
    }


def test_a_new_node_gets_a_pod_and_a_removed_one_loses_it() -> None:
    cluster = running(nodes=2)
    cluster.add_node("node-9")
    cluster.rest()
    assert placed(cluster) == ["node-1", "node-2", "node-9"]
    cluster.remove_node("node-9")
    cluster.rest()

    assert placed(cluster) == ["node-1", "node-2"]


def test_a_selector_chooses_nodes_and_a_label_that_goes_takes_the_pod_along() -> None:
    cluster = running(nodeSelector={"disk": "ssd"})
    assert placed(cluster) == []
    cluster.client().patch(NODES, "", "node-2", {"metadata": {"labels": {"disk": "ssd"}}})
    cluster.rest()
    assert placed(cluster) == ["node-2"]
    cluster.client().patch(NODES, "", "node-2", {"metadata": {"labels": {"disk": None}}})
    cluster.rest()

    assert placed(cluster) == []


def test_a_tainted_node_is_left_out_unless_tolerated() -> None:
    cluster = SimulatedCluster(nodes=1)
    cluster.add_node("gpu", taints=[{"key": "gpu", "effect": "NoSchedule"}])
    cluster.rest()
    cluster.client().create(DAEMONSETS, daemon_set("agent"))
    cluster.client().create(DAEMONSETS, daemon_set("all", tolerations=[{"operator": "Exists"}]))
    cluster.rest()

    assert placed(cluster) == ["gpu", "node-1", "node-1"]


def test_a_cordoned_node_keeps_and_gets_daemon_pods() -> None:
    cluster = running(nodes=1)
    cluster.client().patch(NODES, "", "node-1", {"spec": {"unschedulable": True}})
    cluster.client().delete_all(PODS, "default")
    cluster.rest()

    assert placed(cluster) == ["node-1"]


def test_a_deleted_pod_is_replaced() -> None:
    cluster = running(nodes=1)
    before = set(cluster.context.pods.all)
    cluster.client().delete_all(PODS, "default")
    cluster.rest()

    assert placed(cluster) == ["node-1"]
    assert not before & set(cluster.context.pods.all)


def unavailable_at_once(cluster: SimulatedCluster) -> int:
    """The most nodes without a ready pod, from now until all is at rest."""
    worst = [0]

    def look(_: Change) -> None:
        worst[0] = max(worst[0], len(cluster.nodes) - sum(each.ready for each in cluster.context.pods.all.values()))

    cluster.store.subscribe(look)
    assert cluster.rest()
    return worst[0]


def test_a_change_rolls_out_one_node_at_a_time() -> None:
    cluster = running()
    hashes = {each.labels["controller-revision-hash"] for each in cluster.context.pods.all.values()}
    patch = {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
    cluster.client().patch(DAEMONSETS, "default", "agent", patch)

    assert unavailable_at_once(cluster) == 1
    assert {each.labels.get("v") for each in cluster.context.pods.all.values()} == {"2"}
    assert not hashes & {each.labels["controller-revision-hash"] for each in cluster.context.pods.all.values()}
    assert (status(cluster)["updatedNumberScheduled"], status(cluster)["observedGeneration"]) == (3, 2)


def test_a_roll_out_takes_as_many_at_once_as_it_may() -> None:
    cluster = running(nodes=4, strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}})
    cluster.client().patch(DAEMONSETS, "default", "agent", {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}})

    assert unavailable_at_once(cluster) == 2


def test_on_delete_leaves_old_pods_until_they_are_deleted() -> None:
    cluster = running(nodes=2, strategy={"type": "OnDelete"})
    cluster.client().patch(DAEMONSETS, "default", "agent", {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}})
    cluster.rest()
    assert status(cluster).get("updatedNumberScheduled", 0) == 0
    cluster.client().delete_all(PODS, "default")
    cluster.rest()

    assert status(cluster)["updatedNumberScheduled"] == 2


def test_a_deleted_set_takes_its_pods_along() -> None:
    cluster = running()
    cluster.client().delete(DAEMONSETS, "default", "agent", policy="Background")
    cluster.rest()

    assert placed(cluster) == []


def facts(node: str, **more: Any) -> PodFacts:
    given = {"phase": "Running", "ready": True, "deleting": False, "hash": "new", **more}
    labels = {"controller-revision-hash": given["hash"]}
    key = StoreKey("pods", "default", f"{node}-{given.get('n', 0)}")
    return PodFacts(
        key, "u", "o", node, given["phase"], given["ready"], given["deleting"], labels, str(given.get("n", 0))
    )


def names(pods: list[PodFacts]) -> list[str]:
    return [each.key.name for each in pods]


def wishes(eligible: dict[str, bool], *pods: PodFacts, max_unavailable: int = 1) -> tuple[list[str], list[str]]:
    return rolled(eligible, *pods, pace=Pace(max_unavailable))


def rolled(eligible: dict[str, bool], *pods: PodFacts, pace: Pace) -> tuple[list[str], list[str]]:
    node_of = {each.key: each.node for each in pods}
    found = decide(eligible, node_of, pods, lambda pod: is_current(pod, "new", ""), pace)
    return found.create_on, names(found.delete)


def test_a_pod_on_its_way_out_is_waited_for() -> None:
    assert wishes({"a": True}, facts("a", deleting=True)) == ([], [])


def test_the_second_pod_of_a_node_goes() -> None:
    assert wishes({"a": True}, facts("a", n=1), facts("a", n=2)) == ([], ["a-2"])


def test_a_finished_pod_is_cleared_away() -> None:
    assert wishes({"a": True}, facts("a", phase="Failed", ready=False)) == ([], ["a-0"])


def test_a_pod_where_none_should_be_goes() -> None:
    assert wishes({"a": True}, facts("a"), facts("b")) == ([], ["b-0"])


def test_an_old_pod_that_is_not_ready_is_replaced_at_once() -> None:
    old = [facts("a", hash="old"), facts("b", hash="old", ready=False)]

    assert wishes({"a": True, "b": True}, *old) == ([], ["b-0"])


def test_no_old_pod_goes_while_enough_are_unavailable() -> None:
    pods = [facts("a", hash="old"), facts("b", ready=False)]

    assert wishes({"a": True, "b": True}, *pods) == ([], [])
    assert wishes({"a": True, "b": True}, *pods, max_unavailable=2) == ([], ["a-0"])


def test_a_node_where_a_pod_may_stay_but_not_start_wants_none() -> None:
    assert wishes({"a": False}) == ([], [])
    assert wishes({"a": False}, facts("a")) == ([], [])


def test_a_surge_makes_the_new_pod_before_the_old_one_goes() -> None:
    old, nodes, pace = [facts("a", hash="old"), facts("b", hash="old")], {"a": True, "b": True}, Pace(None, 1)

    assert rolled(nodes, *old, pace=pace) == (["a"], [])
    coming = facts("a", n=1, ready=False)
    assert rolled(nodes, *old, coming, pace=pace) == ([], [])
    assert rolled(nodes, *old, facts("a", n=1), pace=pace) == (["b"], ["a-0"])
