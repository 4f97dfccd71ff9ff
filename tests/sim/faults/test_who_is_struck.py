"""Whom a fault of the API server's requests means, by all the names they have, and what it cannot do to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from manifests import pod

from spo.model.resource import CONFIG_MAPS, CRDS, NAMESPACES, NODES, PODS, Resource
from spo.sim.api.status import NoAnswer
from spo.sim.client import Client
from spo.sim.faults import Fault, Site
from spo.sim.faults.fates import CrashAfter, CrashBefore, Delay, LoseReply, Refuse
from tests.sim.faults.worlds import World, make

HEAD = {"apiVersion": "v1", "kind": "ConfigMap"}


@pytest.mark.parametrize("who", ["shop", "system:serviceaccount:default:default", "shop/1.2", ""])
def test_a_program_is_struck_by_its_pod_its_user_its_agent_or_no_name_at_all(world: World, who: str) -> None:
    world.faults.add(Fault(Site.API, CrashBefore(), who=who, what="create", on="ConfigMap default/web", times=1))
    world.does(lambda program: make(program.client))
    world.cluster.run(5)

    assert len(world.started) == 2


def test_the_narrowest_name_comes_first(world: World) -> None:
    heard: list[tuple[str, ...]] = []
    world.faults.listen(lambda operation: heard.append(operation.who), Site.API)
    world.does(lambda program: make(program.client))
    make(world.user, "another")

    assert [who for who in heard if "shop" in who] == [("shop", "system:serviceaccount:default:default", "shop/1.2")]
    assert heard[-1] == ("someone",)


def test_without_a_name_the_cluster_below_is_not_struck(world: World) -> None:
    world.faults.add(Fault(Site.API, Refuse()))
    world.admin.create(PODS, pod("plain"))
    world.cluster.run(5)

    assert world.admin.get(PODS, "default", "plain")["status"]["phase"] == "Running"
    assert world.faults.strikes == []


def test_the_clusters_own_are_struck_by_name_and_survive_it(world: World) -> None:
    world.faults.add(Fault(Site.API, Refuse(), who="system:kube-scheduler", times=2))
    world.faults.add(Fault(Site.API, Refuse(), who="system:node:node-1", what="patch", times=3))
    world.cluster.stop_node("node-1")
    world.cluster.run(60)
    world.cluster.start_node("node-1")
    world.admin.create(PODS, pod("plain"))
    world.cluster.run(120)

    assert world.admin.get(PODS, "default", "plain")["status"]["phase"] == "Running"
    assert len(world.faults.strikes) == 5


def test_a_node_that_is_off_again_does_not_report_after_all(world: World) -> None:
    world.faults.add(Fault(Site.API, Refuse(), who="system:node:node-1", on="Node node-1", times=1))
    world.cluster.stop_node("node-1")
    world.cluster.run(60)
    world.cluster.start_node("node-1")
    world.cluster.stop_node("node-1")
    world.cluster.run(20)

    conditions = world.admin.get(NODES, "", "node-1")["status"]["conditions"]
    assert len(world.faults.strikes) == 1
    assert {each["status"] for each in conditions if each["type"] == "Ready"} == {"Unknown"}


def test_who_is_outside_cannot_be_killed_and_gets_no_answer(world: World) -> None:
    world.faults.add(Fault(Site.API, CrashBefore(), who="someone", times=1))
    world.faults.add(Fault(Site.API, CrashAfter(), who="someone"))
    for _ in range(2):
        with pytest.raises(NoAnswer):
            make(world.user, a="b")

    assert world.data() == {"a": "b"}
    assert {strike.note for strike in world.faults.strikes} == {
        "no program in a pod, which could be killed: its connection ended"
    }


def test_a_request_that_names_no_object_is_meant_by_its_path(world: World) -> None:
    world.faults.add(Fault(Site.API, Refuse(), what="get", on="/apis"))

    world.user.call("GET", "/version")
    with pytest.raises(NoAnswer):
        world.user.call("GET", "/apis/apps/v1")


@pytest.mark.parametrize(
    ("deed", "what", "on"),
    [
        (lambda user: user.list(CONFIG_MAPS), "list", "ConfigMap"),
        (lambda user: user.list(CONFIG_MAPS, "default"), "list", "ConfigMap default"),
        (lambda user: user.watch(CONFIG_MAPS, "default"), "watch", "ConfigMap default"),
        (lambda user: user.get(NODES, "", "node-1"), "get", "Node node-1"),
        (lambda user: user.get(NAMESPACES, "", "default"), "get", "Namespace default"),
        (lambda user: make(user), "create", "ConfigMap default/web"),
        (
            lambda user: user.apply(CONFIG_MAPS, {**HEAD, "metadata": {"name": "x", "namespace": "default"}}),
            "apply",
            "ConfigMap default/x",
        ),
        (lambda user: user.delete_all(CONFIG_MAPS, "default"), "deletecollection", "ConfigMap default"),
        (
            lambda user: user.patch(PODS, "default", "shop", {}, subresource="status"),
            "patch",
            "Pod default/shop/status",
        ),
    ],
)
def test_an_operation_has_the_apis_words(world: World, deed: Callable[[Client], Any], what: str, on: str) -> None:
    heard: list[tuple[str, str]] = []
    world.faults.listen(lambda operation: heard.append((operation.what, operation.on)), Site.API)
    deed(world.user)

    assert heard == [(what, on)]


def test_a_watch_whose_reply_is_lost_is_not_kept_open(world: World) -> None:
    world.faults.add(Fault(Site.API, LoseReply(), what="watch"))
    with pytest.raises(NoAnswer):
        world.watch()

    assert world.cluster.api.hub.watchers("configmaps") == 0


def test_who_starts_anew_waits_for_nothing_of_its_past_life(world: World) -> None:
    world.faults.add(Fault(Site.API, Delay(1000.0), who="shop"))
    world.does(lambda program: make(program.client))
    assert world.faults.held_until("shop") is not None
    world.cluster.kubelets["node-1"].crash("default", "shop", "main")
    world.cluster.run(60)

    assert len(world.started) == 2
    assert world.started[-1].ticks


def test_what_the_api_server_asks_of_itself_is_never_struck(world: World) -> None:
    names = {"plural": "things", "singular": "thing", "kind": "Thing"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "example.com", "names": names, "scope": "Namespaced", "versions": [version]}
    world.admin.create(CRDS, {"metadata": {"name": "things.example.com"}, "spec": spec})
    world.cluster.run(5)
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "default"}}
    world.admin.create(Resource("example.com", "v1", "things", "Thing"), thing)
    world.faults.add(Fault(Site.API, Refuse(), who="system"))

    world.admin.delete(CRDS, "", "things.example.com")
    world.cluster.run(5)

    assert world.admin.list(CRDS) == []
