from __future__ import annotations

import os
import subprocess
import sys

import pytest

from spo.model.resource import CONFIG_MAPS
from spo.sim.cluster import SimulatedCluster
from spo.sim.faults import BadPlan, Crash, Fault, FaultPlan, Faults, Operation, Site
from spo.sim.faults.fates import ApiServerRestarts, Attempt, ClockSkew, NodeOff, Refuse
from spo.sim.timeline import SECOND_NS, Timeline


class Refused(Exception):
    """Nobody answered."""


class Question(Attempt[str]):
    """Something that somebody asks for."""

    def __init__(self, what: str = "patch", who: str = "shop-1") -> None:
        self.operation = Operation(Site.API, (who,), what, "ConfigMap default/web")

    def do(self) -> str:
        return "done"

    def unanswered(self) -> Exception:
        return Refused()


def refused(**which: object) -> Fault:
    return Fault(Site.API, Refuse(), **which)  # type: ignore[arg-type]


def struck(faults: Faults, count: int) -> list[int]:
    """Which of so many questions, one a second, were struck: the first is 1."""
    return [number for number in range(1, count + 1) if not answered(faults)]


def answered(faults: Faults, question: Question | None = None) -> bool:
    faults._timeline.run_until(faults._timeline.now_ns + SECOND_NS)
    try:
        return faults.gate(Site.API).strike(question or Question()) == "done"
    except Refused:
        return False


@pytest.fixture
def faults() -> Faults:
    return Faults(Timeline())


# -- gates -----------------------------------------------------------------------------------------------------------


def test_a_gate_is_armed_only_while_something_can_come_of_it(faults: Faults) -> None:
    def armed() -> set[Site]:
        return {site for site in Site if faults.gate(site).armed}

    assert armed() == set()
    faults.add(refused())
    assert armed() == {Site.API}
    faults.listen(print, Site.DISK)
    assert armed() == {Site.API, Site.DISK}
    faults.end()
    faults.unlisten(print)
    assert armed() == set()


def test_a_plan_takes_the_place_of_the_last(faults: Faults) -> None:
    faults.plan = FaultPlan((refused(what="patch"),))
    faults.plan = FaultPlan((refused(what="get"),))

    assert answered(faults)
    assert not answered(faults, Question("get"))
    assert faults.plan == FaultPlan((refused(what="get"),))


# -- which of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "which"),
    [
        (refused(), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (refused(nth=4), [4]),
        (refused(every=3), [3, 6, 9]),
        (refused(one_in=1), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (refused(times=2), [1, 2]),
        (refused(every=2, times=3), [2, 4, 6]),
        (refused(from_s=3), [3, 4, 5, 6, 7, 8, 9]),
        (refused(until_s=3), [1, 2]),
        (refused(from_s=2, until_s=8, every=2), [3, 5, 7]),
    ],
)
def test_it_strikes_those_that_it_says(faults: Faults, fault: Fault, which: list[int]) -> None:
    faults.add(fault)

    assert struck(faults, 9) == which


def test_chance_strikes_about_as_often_as_it_should(faults: Faults) -> None:
    faults.add(refused(one_in=4))

    assert 200 < len(struck(faults, 1000)) < 300


def test_the_seed_says_which(faults: Faults) -> None:
    other = Faults(Timeline(seed=1))
    again = Faults(Timeline())
    for each in (faults, other, again):
        each.add(refused(one_in=4))

    assert struck(faults, 200) == struck(again, 200) != struck(other, 200)


def test_of_several_the_first_strikes_and_each_counts_for_itself(faults: Faults) -> None:
    first, second = refused(every=2), refused(every=3, times=2)
    faults.plan = FaultPlan((first, second))

    assert struck(faults, 9) == [2, 3, 4, 6, 8, 9]
    assert [strike.fault for strike in faults.strikes if strike.fault == second] == [second] * 2


def test_a_fault_more_changes_nothing_of_when_the_others_strike(faults: Faults) -> None:
    chance = refused(one_in=4)
    faults.add(chance)
    alone = struck(faults, 100)
    faults.plan = FaultPlan((refused(who="nobody", one_in=3), refused(nth=alone[1]), refused(nth=alone[1] + 1), chance))

    assert struck(faults, 100) == sorted({*alone, alone[1] + 1})


def test_the_world_goes_on_as_before_when_a_fault_never_strikes() -> None:
    def uid(plan: FaultPlan) -> str:
        cluster = SimulatedCluster(nodes=1)
        cluster.faults.plan = plan
        cluster.run(5)
        made = cluster.client("shop").call  # forbidden: it is asked all the same
        with pytest.raises(Exception, match="forbidden"):
            made("GET", CONFIG_MAPS.path("default", "web"))
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "default"}}
        return str(cluster.client().create(CONFIG_MAPS, obj)["metadata"]["uid"])

    assert uid(FaultPlan()) == uid(FaultPlan((refused(one_in=1 << 40),)))


def test_what_struck_is_noted(faults: Faults) -> None:
    faults.add(refused(nth=2))
    struck(faults, 3)

    (strike,) = faults.strikes
    assert (strike.fault, strike.on) == (refused(nth=2), "patch ConfigMap default/web by shop-1")
    assert strike.at_ns == faults._timeline.now_ns - SECOND_NS


# -- listeners -------------------------------------------------------------------------------------------------------


def test_a_listener_hears_of_each_operation_before_its_fate_is_known(faults: Faults) -> None:
    heard: list[tuple[str, bool]] = []
    faults.add(refused(nth=2))
    faults.listen(lambda operation: heard.append((operation.what, bool(faults.strikes))), Site.API)

    assert struck(faults, 3) == [2]
    assert heard == [("patch", False), ("patch", False), ("patch", True)]


def test_a_listener_hears_of_its_sites_only(faults: Faults) -> None:
    heard: list[Operation] = []
    faults.listen(heard.append, Site.DISK, Site.WATCH)
    struck(faults, 1)
    faults.listen(heard.append)
    struck(faults, 1)

    assert len(heard) == 1


def test_a_listener_may_end_the_program(faults: Faults) -> None:
    def kill(operation: Operation) -> None:
        raise Crash(operation)

    faults.listen(kill, Site.API)
    with pytest.raises(Crash):
        faults.gate(Site.API).strike(Question())
    faults.unlisten(kill)

    assert answered(faults)


def test_the_end_of_a_plan_is_not_the_end_of_those_who_listen(faults: Faults) -> None:
    heard: list[Operation] = []
    faults.listen(heard.append, Site.API)
    faults.plan = FaultPlan((refused(),))
    faults.end()

    assert answered(faults)
    assert len(heard) == 1


# -- what strikes the cluster ----------------------------------------------------------------------------------------


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=["a", "a-2", "b"])
    cluster.run(20)
    return cluster


def off(cluster: SimulatedCluster) -> list[str]:
    return [name for name, node in cluster.nodes.items() if not node.lives]


def test_a_node_is_off_from_its_time_on_for_as_long_as_it_is_said(cluster: SimulatedCluster) -> None:
    cluster.faults.plan = FaultPlan((Fault(Site.NODE, NodeOff(for_s=30), who="b", at_s=10),))
    seen = []
    for _ in range(5):
        cluster.run(9)
        seen.append(off(cluster))

    assert seen == [[], ["b"], ["b"], ["b"], []]
    assert [(strike.on, strike.fault.site) for strike in cluster.faults.strikes] == [("b", Site.NODE)]


def test_what_has_its_time_keeps_the_world_from_rest(cluster: SimulatedCluster) -> None:
    assert cluster.rest()
    cluster.faults.add(Fault(Site.NODE, NodeOff(for_s=300), at_s=100))
    began = cluster.timeline.now

    assert cluster.rest()
    assert cluster.timeline.now - began > 400
    assert off(cluster) == []


def test_a_name_means_all_nodes_that_begin_with_it_and_none_means_all(cluster: SimulatedCluster) -> None:
    cluster.faults.add(Fault(Site.NODE, NodeOff(), who="a"))
    assert off(cluster) == ["a", "a-2"]
    cluster.faults.add(Fault(Site.NODE, NodeOff()))
    assert off(cluster) == ["a", "a-2", "b"]


def test_the_end_of_the_plan_puts_right_what_it_did_and_nothing_else(cluster: SimulatedCluster) -> None:
    cluster.stop_node("a")
    cluster.faults.plan = FaultPlan(
        (
            Fault(Site.NODE, NodeOff()),
            Fault(Site.CLOCK, ClockSkew(60.0), who="b"),
            Fault(Site.NODE, NodeOff(), at_s=30),
        )
    )
    cluster.remove_node("b")
    assert cluster.faults.clocks.ahead_s("b") == 60.0

    cluster.faults.end()
    cluster.run(60)

    assert off(cluster) == ["a"], "somebody else had turned it off"
    assert cluster.faults.clocks.ahead_s("b") == 0.0


def test_a_restart_of_the_api_server_ends_every_watch(cluster: SimulatedCluster) -> None:
    stream = cluster.client().watch(CONFIG_MAPS)
    cluster.faults.add(Fault(Site.API_SERVER, ApiServerRestarts(), at_s=5))
    cluster.run(4)
    assert not stream.closed
    cluster.run(2)

    assert stream.closed


def test_clocks_are_wrong_for_a_while_by_pod_or_node(cluster: SimulatedCluster) -> None:
    clocks = cluster.faults.clocks
    cluster.faults.add(Fault(Site.CLOCK, ClockSkew(5.0, for_s=10), who="shop", at_s=10))
    cluster.faults.add(Fault(Site.CLOCK, ClockSkew(-2.0), who="a"))

    def ahead() -> tuple[float, float, float]:
        return clocks.ahead_s("shop-1", "b"), clocks.ahead_s("shop-1", "a"), clocks.ahead_s("shopper", "a-20")

    assert ahead() == (0.0, -2.0, -2.0)
    cluster.run(11)
    assert ahead() == (5.0, 3.0, -2.0)
    cluster.run(10)
    assert ahead() == (0.0, -2.0, -2.0)


def test_without_a_cluster_there_is_none_that_could_be_struck(faults: Faults) -> None:
    with pytest.raises(BadPlan, match="fault at node: there is no cluster"):
        faults.add(Fault(Site.NODE, NodeOff()))


# -- late answers ----------------------------------------------------------------------------------------------------


def test_a_program_waits_for_its_late_answers_one_after_the_other(faults: Faults) -> None:
    timeline = faults._timeline
    faults.hold("shop-1", 3.0)
    faults.hold("shop-1", 4.0)

    assert faults.held_until("shop-1") == timeline.now + 7
    assert faults.held_until("shop-2") is None
    assert timeline.busy
    timeline.run_until(timeline.now_ns + 7 * SECOND_NS)
    assert faults.held_until("shop-1") is None
    assert not timeline.busy


# -- the same again --------------------------------------------------------------------------------------------------

RUN = """
from spo.model.resource import PODS
from spo.sim.cluster import SimulatedCluster
from spo.sim.faults import *
from spo.sim.faults.fates import *
from spo.sim.history import History

cluster = SimulatedCluster(seed=3, nodes=2)
history = History(cluster.timeline)
cluster.api.observers.append(lambda request, user, response: history.request(request, response, cluster.store.revision))
cluster.faults.plan = FaultPlan((
    *(Fault(Site.API, fate, who="system", one_in=5) for fate in (Refuse(), LoseReply(), ArriveTwice(), Conflict())),
    Fault(Site.NODE, NodeOff(60.0), who="node-1", at_s=30.0),
))
cluster.run(10)
for number in range(5):
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    cluster.client().create(PODS, {"metadata": {"name": f"p-{number}", "namespace": "default"}, "spec": spec})
cluster.run(300)
print(history.digest(), len(cluster.faults.strikes))
"""


def test_the_same_seed_and_plan_give_the_same_history_whatever_the_hash_seed() -> None:
    def run(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    first = run("1")

    assert first == run("2")
    assert int(first.split()[1]) > 20
