"""What each fate does at each site where it means something, seen by whoever asks, in process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest

from spo.doors.ports import DiskError
from spo.events import FileSeen
from spo.intents import WriteFile
from spo.model.resource import CONFIG_MAPS, NODES
from spo.sim.api.status import ApiError, NoAnswer
from spo.sim.faults import Crash, Fault, FaultPlan, Site
from spo.sim.faults.fates import (
    ApiServerRestarts,
    ArriveTwice,
    ClockSkew,
    Conflict,
    CrashAfter,
    CrashBefore,
    Delay,
    DiskFault,
    Fate,
    LoseReply,
    NodeOff,
    Refuse,
    WatchBreaks,
)
from spo.sim.node.disk import DiskRefused
from spo.testbed.disk_door import FaultyProfileDirectory, SimProfileDirectory
from tests.sim.faults.worlds import World, change, make, names

FILE = "/var/lib/x"
ROOT = "/var/lib/kubelet/seccomp/operator"
DEFAULT = "default/a.json"


# -- the API server's requests ---------------------------------------------------------------------------------------


def refused_at_the_api(world: World) -> None:
    world.faults.add(Fault(Site.API, Refuse()))

    with pytest.raises(NoAnswer):
        make(world.user)
    assert world.data() is None


def loses_the_reply_of_the_api(world: World) -> None:
    world.faults.add(Fault(Site.API, LoseReply()))

    with pytest.raises(NoAnswer):
        make(world.user, a="b")
    assert world.data() == {"a": "b"}


def arrives_twice_at_the_api(world: World) -> None:
    world.faults.add(Fault(Site.API, ArriveTwice()))

    with pytest.raises(ApiError, match='configmaps "web" already exists'):
        make(world.user, a="b")
    assert world.data() == {"a": "b"}
    change(world.user, a="c")
    assert world.data() == {"a": "c"}
    with pytest.raises(ApiError, match='configmaps "web" not found'):
        world.user.delete(CONFIG_MAPS, "default", "web")
    assert world.data() is None


def in_conflict_at_the_api(world: World) -> None:
    make(world.admin, a="b")
    world.faults.add(Fault(Site.API, Conflict()))

    with pytest.raises(ApiError, match='configmaps "web": the object has been modified') as of_patch:
        change(world.user, a="c")
    with pytest.raises(ApiError, match='configmaps "new" already exists') as of_create:
        make(world.user, "new")
    assert (of_patch.value.code, of_create.value.code) == (409, 409)
    assert world.data() == {"a": "b"}
    assert world.data("new") is None
    assert world.user.get(CONFIG_MAPS, "default", "web")["data"] == {"a": "b"}, "a read meets no conflict"


def dies_before_the_api(world: World) -> None:
    world.faults.add(Fault(Site.API, CrashBefore(), who="shop", times=1))
    world.does(lambda program: make(program.client))
    world.cluster.run(5)

    assert len(world.started) == 2, "another one runs"
    assert world.data() is None


def dies_after_the_api(world: World) -> None:
    world.faults.add(Fault(Site.API, CrashAfter(), who="shop", times=1))
    world.does(lambda program: make(program.client, a="b"))
    world.cluster.run(5)

    assert len(world.started) == 2
    assert world.data() == {"a": "b"}


def is_late_at_the_api(world: World) -> None:
    program = world.started[-1]
    world.faults.add(Fault(Site.API, Delay(7.0), who="shop/1.2"))
    began = world.cluster.timeline.now
    world.does(lambda program: make(program.client, a="b"))
    ticks = len(program.ticks)
    for _ in range(9):  # there is news, again and again
        program.launch.wake()
        world.cluster.run(1)

    assert world.data() == {"a": "b"}, "it was done at once"
    assert program.ticks[ticks] - began == pytest.approx(7.0, abs=0.01)


# -- news ------------------------------------------------------------------------------------------------------------


def comes_late_to_a_watcher(world: World) -> None:
    stream = world.watch()
    known = len(stream.lines)
    world.faults.add(Fault(Site.WATCH, Delay(5.0), on="ConfigMap default/slow", what="ADDED"))
    make(world.admin, "first")
    make(world.admin, "slow")
    world.cluster.run(2)
    make(world.admin, "next")

    assert names(stream)[known:] == ["first"]
    world.cluster.run(2.9)
    assert names(stream)[known:] == ["first"]
    world.cluster.run(0.2)
    assert names(stream)[known:] == ["first", "slow", "next"], "nothing overtakes it"
    make(world.admin, "last")
    assert names(stream)[known:] == ["first", "slow", "next", "last"]


def breaks_off_a_watch(world: World) -> None:
    version = make(world.admin, "first")["metadata"]["resourceVersion"]
    stream = world.watch(version=version)
    others = world.admin.watch(CONFIG_MAPS, "default", version=version)
    world.faults.add(Fault(Site.WATCH, WatchBreaks(), nth=1))
    make(world.admin, "web")

    assert stream.closed
    assert names(stream) == []
    assert names(others) == ["web"], "the administrator is not meant"
    assert names(world.watch(version=version)) == ["web"], "who resumes has missed nothing"

    stream = world.watch(version=version)
    world.faults.plan = FaultPlan((Fault(Site.WATCH, WatchBreaks(gone=True)),))
    make(world.admin, "more")
    status = json.loads(stream.lines[-1])
    assert (status["type"], status["object"]["code"], status["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert stream.closed


# -- disks -----------------------------------------------------------------------------------------------------------


def the_disk_says_no(world: World) -> None:
    world.disk.write(FILE, b"old")
    world.faults.add(Fault(Site.DISK, DiskFault("ENOSPC", keep_bytes=2), who="node-1", what="write", on="/var"))
    world.faults.add(Fault(Site.DISK, DiskFault("EROFS"), what="remove"))
    for what, arguments in (("write", (FILE, b"new")), ("remove", (FILE,))):
        with pytest.raises(DiskRefused) as refused:
            getattr(world.disk, what)(*arguments)
        assert refused.value.reason == {"write": "ENOSPC", "remove": "EROFS"}[what]
    assert world.disk.read(FILE) == b"ne", "the write was torn"
    world.faults.add(Fault(Site.DISK, DiskFault()))
    with pytest.raises(DiskRefused, match="input/output error"):
        world.disk.read(FILE)


def writing(world: World, *, raises: type[BaseException] | None = None) -> bool:
    """Let the pod's program write a file through its door; gives whether it stands there."""
    door = FaultyProfileDirectory(SimProfileDirectory(world.disk, ROOT, world.cluster.timeline), world.faults, "shop")
    write = WriteFile(DEFAULT, b"{}")
    if raises is None:
        door.carry_out(write)
        assert FileSeen in map(type, door.take())
    else:
        with pytest.raises(raises):
            door.carry_out(write)
    return bool(world.disk.exists(f"{ROOT}/{DEFAULT}"))


def refused_by_the_directory(world: World) -> None:
    world.faults.add(Fault(Site.DIRECTORY, Refuse(), who="shop", what="write", on="default", times=1))

    assert not writing(world, raises=DiskError)
    assert writing(world)


def loses_the_reply_of_the_directory(world: World) -> None:
    world.faults.add(Fault(Site.DIRECTORY, LoseReply()))

    assert writing(world, raises=DiskError)


def dies_before_the_directory(world: World) -> None:
    world.faults.add(Fault(Site.DIRECTORY, CrashBefore()))

    assert not writing(world, raises=Crash)


def dies_after_the_directory(world: World) -> None:
    world.faults.add(Fault(Site.DIRECTORY, CrashAfter()))

    assert writing(world, raises=Crash)


def is_late_at_the_directory(world: World) -> None:
    world.faults.add(Fault(Site.DIRECTORY, Delay(3.0)))

    assert writing(world)
    assert world.faults.held_until("shop") == world.cluster.timeline.now + 3


def the_directory_says_no(world: World) -> None:
    world.faults.add(Fault(Site.DIRECTORY, DiskFault("EROFS")))

    assert not writing(world, raises=DiskError)
    assert world.faults.strikes[0].on == f"write {DEFAULT} by shop"


# -- the cluster -----------------------------------------------------------------------------------------------------


def a_node_is_off(world: World) -> None:
    world.faults.add(Fault(Site.NODE, NodeOff(for_s=90), who="node-1"))
    world.cluster.run(60)
    ready = {each["type"]: each["status"] for each in world.admin.get(NODES, "", "node-1")["status"]["conditions"]}
    assert ready["Ready"] == "Unknown"
    world.cluster.run(60)

    assert len(world.started) == 2, "its pods have come up anew"


def the_api_server_restarts(world: World) -> None:
    stream = world.watch()
    world.faults.add(Fault(Site.API_SERVER, ApiServerRestarts()))

    assert stream.closed


def a_clock_is_ahead(world: World) -> None:
    launch = world.started[-1].launch
    world.faults.add(Fault(Site.CLOCK, ClockSkew(30.0), who="shop"))
    assert launch.now() == world.cluster.timeline.now + 30
    world.faults.add(Fault(Site.CLOCK, ClockSkew(-50.0), who="node-1"))
    assert launch.now() == world.cluster.timeline.now - 20


SEEN: dict[tuple[Site, type[Any]], Callable[[World], None]] = {
    (Site.API, Refuse): refused_at_the_api,
    (Site.API, LoseReply): loses_the_reply_of_the_api,
    (Site.API, ArriveTwice): arrives_twice_at_the_api,
    (Site.API, Conflict): in_conflict_at_the_api,
    (Site.API, CrashBefore): dies_before_the_api,
    (Site.API, CrashAfter): dies_after_the_api,
    (Site.API, Delay): is_late_at_the_api,
    (Site.WATCH, Delay): comes_late_to_a_watcher,
    (Site.WATCH, WatchBreaks): breaks_off_a_watch,
    (Site.DISK, DiskFault): the_disk_says_no,
    (Site.DIRECTORY, Refuse): refused_by_the_directory,
    (Site.DIRECTORY, LoseReply): loses_the_reply_of_the_directory,
    (Site.DIRECTORY, CrashBefore): dies_before_the_directory,
    (Site.DIRECTORY, CrashAfter): dies_after_the_directory,
    (Site.DIRECTORY, Delay): is_late_at_the_directory,
    (Site.DIRECTORY, DiskFault): the_directory_says_no,
    (Site.NODE, NodeOff): a_node_is_off,
    (Site.API_SERVER, ApiServerRestarts): the_api_server_restarts,
    (Site.CLOCK, ClockSkew): a_clock_is_ahead,
}


@pytest.mark.parametrize("see", SEEN.values(), ids=lambda see: see.__name__)
def test_a_fate_does_what_it_says(world: World, see: Callable[[World], None]) -> None:
    see(world)


def test_each_fate_is_seen_at_each_site_where_it_means_something() -> None:
    assert set(SEEN) == {(site, fate) for fate in get_args(Fate) for site in fate.sites}
    assert {site for site, _ in SEEN} == set(Site)
