"""Programs of the operator in simulated pods, when something goes wrong for them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from spo.doors.ports import Conflict, Unavailable
from spo.events import Deaf, Listed
from spo.installation.live import PAUSE_S
from spo.intents import Create, Delete
from spo.interest import Interest
from spo.model.builtin import PodUse
from spo.model.resource import CONFIG_MAPS, PODS
from spo.sim.faults import Fault, FaultPlan, Site, fates
from spo.sim.node.program import Exited, Launch
from spo.testbed.cluster_door import Hearing, SimCluster
from spo.testbed.operator_pods import SimCleanUp
from spo.testbed.uninstall_in_pod import SimUninstall
from tests.sim.faults.worlds import World

FILE = "/var/lib/kubelet/seccomp/operator/default/a.json"
CREATE = Create(CONFIG_MAPS, "default", "web", {"metadata": {"name": "web", "namespace": "default"}})


@pytest.fixture
def world() -> World:
    return World()


def launched(world: World, *arguments: str) -> Launch:
    """What the kubelet starts the pod's program with, for another one."""
    environment = {"KUBELET_DIR": "/var/lib/kubelet"}
    return replace(world.started[-1].launch, arguments=arguments, environment=environment)


def door(world: World) -> SimCluster:
    launch = launched(world)
    return SimCluster(launch.api, launch.timeline, launch.token, manager="shop", wake=lambda: None, hearing=Hearing())


def test_a_request_without_an_answer_may_or_may_not_have_happened(world: World) -> None:
    world.faults.add(Fault(Site.API, fates.LoseReply(), who="shop", times=1))
    with pytest.raises(Unavailable, match="no answer"):
        door(world).carry_out(CREATE)

    with pytest.raises(Conflict, match="already exists"):
        door(world).carry_out(CREATE)


def test_a_conflict_is_told_as_one(world: World) -> None:
    world.faults.add(Fault(Site.API, fates.Conflict(), who="shop"))

    for intent in (CREATE, Delete(CONFIG_MAPS, "default", "web", "uid")):
        with pytest.raises(Conflict):
            door(world).carry_out(intent)


def test_who_cannot_list_is_deaf_until_it_can(world: World) -> None:
    world.faults.add(Fault(Site.API, fates.Refuse(), who="shop", what="list", times=2))
    hears = door(world)
    hears.want(Interest(PODS, PodUse))
    heard = []
    for _ in range(4):
        heard += [type(event) for event in hears.take() if not hasattr(event, "value")]
        world.cluster.run(1.1)

    assert heard == [Deaf, Listed]


def test_a_watch_that_breaks_is_resumed_and_one_that_is_gone_is_begun_anew(world: World) -> None:
    hears = door(world)
    hears.want(Interest(PODS, PodUse))
    list(hears.take())
    asked: list[str] = []
    world.faults.listen(lambda operation: asked.append(operation.what), Site.API)
    for gone in (False, True):
        world.faults.plan = FaultPlan((Fault(Site.WATCH, fates.WatchBreaks(gone), who="shop"),))
        world.admin.patch(PODS, "default", "shop", {"metadata": {"labels": {"gone": str(gone)}}})
        assert any(getattr(event, "key", None) for event in hears.take()), "nothing is missed"

    assert [what for what in asked if what != "patch"] == ["watch", "list", "watch"]


def test_a_clean_up_that_the_disk_refuses_says_so_and_fails(world: World) -> None:
    world.disk.write(FILE, b"{}")
    world.faults.add(Fault(Site.DISK, fates.DiskFault("EROFS"), what="remove", times=1))
    said: list[str] = []
    launch = replace(launched(world), say=said.append)

    with pytest.raises(Exited) as first:
        SimCleanUp(launch).tick()
    with pytest.raises(Exited) as second:
        SimCleanUp(launch).tick()

    assert (first.value.code, second.value.code) == (1, 0)
    assert said == [f"spo clean-up: {FILE}: read-only file system"]
    assert not world.disk.exists(FILE)


def uninstalled(world: World) -> tuple[int, list[str], list[str], float]:
    """Run the command in the pod to its end: its exit code, what it said, what it asked for, how long it took."""
    said: list[str] = []
    asked: list[str] = []
    world.faults.listen(lambda operation: asked.append(f"{operation.what} {operation.on}"), Site.API)
    began = world.cluster.timeline.now
    program = SimUninstall(replace(launched(world, "uninstall"), say=said.append))
    for _ in range(20):
        try:
            until = program.tick()
        except Exited as ended:
            return ended.code, said, asked, world.cluster.timeline.now - began
        assert until is not None
        world.cluster.run(until - world.cluster.timeline.now)
    raise AssertionError(f"it does not end: {asked}")


def test_an_uninstallation_goes_on_from_an_answer_that_did_not_come() -> None:
    code, said, asked, took_s = uninstalled(World())
    assert (code, said, took_s) == (0, ["nothing of the operator is here"], 0)

    unlucky = World()
    for nth in (3, 4):
        unlucky.faults.add(Fault(Site.API, fates.Refuse(), who="shop", nth=nth))
    code, said, again, took_s = uninstalled(unlucky)

    assert (code, said) == (0, ["nothing of the operator is here"])
    assert again == [*asked[:3], asked[2], *asked[2:]], "what got lost is asked again, and no more"
    assert took_s == pytest.approx(2 * PAUSE_S), "it waited each time"
