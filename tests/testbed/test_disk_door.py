from __future__ import annotations

from hashlib import sha256

import pytest

from spo.doors.file_watch import LOOK_EVERY_S, UNREADABLE
from spo.doors.ports import DiskError
from spo.events import FileSeen, Listed
from spo.intents import RemoveFile, WriteFile
from spo.sim.faults import Fault, Faults, Site
from spo.sim.faults.fates import DiskFault
from spo.sim.node.disk import Disk
from spo.sim.timeline import SECOND_NS, Timeline
from spo.testbed.disk_door import SimProfileDirectory

ROOT = "/var/lib/kubelet/seccomp/operator"
NGINX = "default/nginx.json"


class Bench:
    """A disk, a clock, and a door that notes when it asks to be looked at."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.faults = Faults(self.timeline)
        self.disk = Disk("node-1", self.faults.gate(Site.DISK))
        self.woken_at: list[float] = []
        self.start = self.timeline.now
        self.door = SimProfileDirectory(
            self.disk, ROOT, self.timeline, lambda: self.woken_at.append(self.timeline.now - self.start)
        )

    def pass_time(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now_ns + round(seconds * SECOND_NS))

    def take(self) -> list[object]:
        return list(self.door.take())


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.take()
    return bench


def seen(path: str, data: bytes) -> FileSeen:
    return FileSeen(path, sha256(data).hexdigest())


def test_a_disk_that_nobody_touches_costs_nothing(bench: Bench) -> None:
    assert bench.timeline.next_ns() is None


def test_our_own_deed_asks_for_a_look_at_once(bench: Bench) -> None:
    bench.door.carry_out(WriteFile(NGINX, b"{}"))
    bench.door.carry_out(RemoveFile(NGINX))

    assert bench.woken_at == [0.0, 0.0]
    assert bench.timeline.next_ns() is None


def test_a_deed_of_others_wakes_us_at_the_next_look(bench: Bench) -> None:
    bench.pass_time(4)
    bench.disk.write(f"{ROOT}/{NGINX}", b"evil")
    bench.disk.write(f"{ROOT}/{NGINX}", b"worse")
    bench.pass_time(60)

    assert bench.woken_at == [LOOK_EVERY_S]
    assert bench.take() == [seen(NGINX, b"worse")]


def test_what_happens_elsewhere_on_the_disk_is_not_our_business(bench: Bench) -> None:
    bench.disk.write("/var/lib/kubelet/config.yaml", b"")
    bench.disk.write(f"{ROOT}-other/x.json", b"")

    assert bench.timeline.next_ns() is None


def test_a_torn_write_is_reported_and_found_not_believed_in(bench: Bench) -> None:
    bench.faults.add(Fault(Site.DISK, DiskFault("EIO", keep_bytes=3), what="write", times=1))

    with pytest.raises(DiskError) as refusal:
        bench.door.carry_out(WriteFile(NGINX, b"whole"))

    assert refusal.value.reason == "EIO"
    assert bench.take() == []
    bench.pass_time(10)
    assert bench.woken_at == [LOOK_EVERY_S]
    assert bench.take() == [seen(NGINX, b"who")]


def test_a_directory_that_cannot_be_read_is_not_known_to_be_empty() -> None:
    bench = Bench()
    bench.faults.add(Fault(Site.DISK, DiskFault("EIO"), what="read"))

    assert bench.take() == []
    assert not bench.timeline.busy  # a broken disk must not keep the world from rest
    bench.faults.end()
    bench.pass_time(10)
    assert bench.woken_at == [LOOK_EVERY_S]
    assert bench.take() == [Listed(FileSeen)]


def test_a_file_that_cannot_be_read_is_told_as_there_and_read_again_later() -> None:
    bench = Bench()
    bench.disk.write(f"{ROOT}/{NGINX}", b"{}")
    bench.faults.add(Fault(Site.DISK, DiskFault("EIO"), what="read", on=f"{ROOT}/{NGINX}"))

    assert bench.take() == [FileSeen(NGINX, UNREADABLE), Listed(FileSeen)]
    bench.faults.end()
    bench.pass_time(10)
    assert bench.take() == [seen(NGINX, b"{}")]


def test_a_process_that_is_gone_wakes_nobody(bench: Bench) -> None:
    bench.disk.write(f"{ROOT}/{NGINX}", b"evil")
    bench.door.close()
    bench.disk.write(f"{ROOT}/other.json", b"evil")
    bench.pass_time(60)

    assert bench.woken_at == []
