"""Waiting for a file on a node."""

from __future__ import annotations

from manifests import pod

from spo.sim.node.disk import Disk
from spo.sim.node.file_waits import FileWaits
from spo.sim.node.podrun import PodRun
from spo.sim.store import StoreKey
from spo.sim.timeline import Timeline


class Waiting:
    """Pods on one disk; `came` are those that heard of their file, in order."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.waits = FileWaits(self.disk)
        self.came: list[str] = []

    def wait(self, name: str, *paths: str) -> PodRun:
        made = pod(name)
        made["metadata"]["uid"] = name
        run = PodRun(StoreKey("pods", "default", name), made, Timeline())
        for path in paths:
            self.waits.wait(run, path, lambda run: self.came.append(run.key.name))
        return run


def test_all_who_wait_for_a_file_hear_of_it_once_in_the_order_they_came() -> None:
    world = Waiting()
    runs = [world.wait(name, "/p/a.json") for name in ("second", "first")]
    world.disk.write("/p/b.json", b"{}")
    assert world.came == []

    world.disk.write("/p/a.json", b"{}")
    world.disk.write("/p/a.json", b"{ }")
    assert world.came == ["second", "first"]
    assert [run.waits_for for run in runs] == [set(), set()]


def test_a_file_that_goes_is_nothing_to_start_with() -> None:
    world = Waiting()
    world.disk.write("/p/a.json", b"no profile")
    world.wait("p", "/p/a.json")
    world.disk.remove("/p/a.json")
    assert world.came == []

    world.disk.write("/p/a.json", b"{}")
    assert world.came == ["p"]


def test_who_stopped_waiting_hears_of_none_of_its_files() -> None:
    world = Waiting()
    run = world.wait("p", "/p/a.json", "/p/b.json")
    world.wait("other", "/p/b.json")
    world.waits.stop(run)
    world.disk.write("/p/a.json", b"{}")
    world.disk.write("/p/b.json", b"{}")

    assert world.came == ["other"]
