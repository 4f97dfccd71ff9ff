"""Programs of ours in simulated containers: started, ticked, ended."""

from __future__ import annotations

from typing import Any

from manifests import pod

from spo.model.resource import PODS
from spo.sim.cluster import SimulatedCluster
from spo.sim.faults import Crash, Operation, Site
from spo.sim.node.program import Exited, Launch

IMAGE = "images.test/ours:1"


class Program:
    """Notes each tick; wishes for one a minute later; ends as it is told."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.ticks: list[float] = []
        self.ending: BaseException | None = None
        self.stopped = False

    def tick(self) -> float | None:
        self.ticks.append(round(self.launch.timeline.now, 3))
        if self.ending is not None:
            raise self.ending
        return self.launch.timeline.now + 60

    def stop(self) -> None:
        self.stopped = True


class World:
    def __init__(self, **spec: Any) -> None:
        self.started: list[Program] = []
        self.cluster = SimulatedCluster(nodes=1, programs={IMAGE: self.start})
        self.cluster.rest()
        self.cluster.client().create(PODS, pod("p", container={"image": IMAGE, "args": ["daemon"]}, **spec))
        self.cluster.run(5)

    def start(self, launch: Launch) -> Program:
        self.started.append(Program(launch))
        return self.started[-1]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.client().get(PODS, "default", "p")["status"]["containerStatuses"][0]
        return found


def test_a_program_is_started_with_the_identity_of_its_pod() -> None:
    world = World()
    launch = world.started[0].launch

    assert launch.arguments == ("daemon",)
    assert (launch.namespace, launch.pod, launch.node, launch.service_account) == ("default", "p", "node-1", "default")
    assert launch.disk is world.cluster.nodes["node-1"].disk
    assert world.status()["ready"]


def test_it_is_ticked_when_its_wish_is_due_and_when_it_asks() -> None:
    world = World()
    program = world.started[0]
    first = program.ticks[0]
    world.cluster.run(20)
    program.launch.wake()
    program.launch.wake()
    world.cluster.run(70)

    asked = program.ticks[1]
    assert len(program.ticks) == 3
    assert round(asked - first) == 24
    assert round(program.ticks[2] - asked) == 60


def test_its_wishes_do_not_keep_the_world_busy() -> None:
    assert World().cluster.rest(max_s=60)


def test_a_program_that_ends_is_a_container_that_exits() -> None:
    world = World()
    world.started[0].ending = Exited(2)
    world.started[0].launch.wake()
    world.cluster.run(5)

    assert world.status()["lastState"]["terminated"]["exitCode"] == 2
    assert [program.stopped for program in world.started] == [True, False]


def test_a_program_that_crashes_comes_back_with_nothing_in_memory() -> None:
    world = World()
    world.started[0].ending = Crash(Operation(Site.DIRECTORY, ("p",), "write", "x"))
    world.started[0].launch.wake()
    world.cluster.run(5)

    assert world.status()["lastState"]["terminated"]["exitCode"] == 137
    assert len(world.started) == 2
    assert world.started[1].ticks


def test_a_deleted_pod_stops_its_program() -> None:
    world = World()
    world.cluster.client().delete(PODS, "default", "p")
    world.cluster.run(5)
    ticks = len(world.started[0].ticks)
    world.started[0].launch.wake()
    world.cluster.run(100)

    assert world.started[0].stopped
    assert len(world.started[0].ticks) == ticks


def test_power_off_stops_it_without_a_word() -> None:
    world = World()
    world.cluster.stop_node("node-1")
    world.cluster.run(100)

    assert world.started[0].stopped
    assert len(world.started[0].ticks) == 1


def test_the_world_waits_for_a_program_that_bad_luck_has_killed_again_and_again() -> None:
    world = World()
    for _ in range(4):
        assert world.cluster.rest()
        world.started[-1].ending = Crash(Operation(Site.DIRECTORY, ("p",), "write", "x"))
        world.started[-1].launch.wake()
        world.cluster.run(1)
    assert world.cluster.rest()

    assert world.status()["state"].keys() == {"running"}
    assert len(world.started) == 5


def test_the_world_does_not_wait_for_a_program_that_ends_by_itself_again_and_again() -> None:
    world = World()
    for _ in range(4):
        world.started[-1].ending = Exited(1)
        world.started[-1].launch.wake()
        world.cluster.run_until(lambda: not world.started[-1].stopped and world.started[-1].ending is None)
    world.started[-1].ending = Exited(1)
    world.started[-1].launch.wake()

    assert world.cluster.rest(max_s=60)
    assert world.status()["state"]["waiting"]["reason"] == "CrashLoopBackOff"
