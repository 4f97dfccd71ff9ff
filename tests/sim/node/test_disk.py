"""The node's disk, and the ways it says no."""

from __future__ import annotations

import pytest

from spo.sim.faults import Fault, Faults, Site
from spo.sim.faults.fates import DiskFault
from spo.sim.node.disk import Disk, DiskChange, DiskRefused
from spo.sim.timeline import Timeline

PATH = "/var/lib/kubelet/seccomp/operator/default/a.json"


def faulty_disk() -> tuple[Disk, Faults]:
    faults = Faults(Timeline())
    return Disk("node-1", faults.gate(Site.DISK)), faults


def reason(disk: Disk, what: str, path: str) -> str:
    with pytest.raises(DiskRefused) as refused:
        disk.write(path, b"x") if what == "write" else getattr(disk, what)(path)
    return refused.value.reason


def test_what_was_written_is_read() -> None:
    disk = Disk()
    disk.write(PATH, b"a")
    disk.write(PATH, b"b")

    assert disk.read(PATH) == b"b"
    assert list(disk.below("/var/lib")) == [(PATH, b"b")]


def test_removing_says_whether_there_was_something() -> None:
    disk = Disk()
    disk.write(PATH, b"a")

    assert disk.remove(PATH)
    assert not disk.remove(PATH)
    assert not disk.exists(PATH)


def test_a_listing_is_of_this_directory_only_and_in_order() -> None:
    disk = Disk()
    for path in ("/a/c", "/a/b/x", "/ab", "/a/b/w"):
        disk.write(path, b"")

    assert [path for path, _ in disk.below("/a")] == ["/a/b/w", "/a/b/x", "/a/c"]


def test_listeners_hear_each_change() -> None:
    disk, heard = Disk(), list[DiskChange]()
    disk.subscribe(heard.append)
    disk.write(PATH, b"a")
    disk.remove(PATH)

    assert heard == [(PATH, b"a"), (PATH, None)]


def test_directories_and_files_do_not_stand_for_each_other() -> None:
    disk = Disk()
    disk.write(PATH, b"a")

    assert reason(disk, "write", "/var/lib") == "EISDIR"
    assert reason(disk, "read", "/var/lib") == "EISDIR"
    assert reason(disk, "write", PATH + "/b") == "ENOTDIR"
    assert reason(disk, "read", "/none") == "ENOENT"


def test_a_symlink_is_never_followed() -> None:
    disk = Disk()
    disk.write("/etc/shadow", b"secret")
    disk.link("/profiles/a.json", "/etc/shadow")
    disk.link("/elsewhere", "/etc")

    assert reason(disk, "read", "/profiles/a.json") == "ELOOP"
    assert reason(disk, "write", "/elsewhere/shadow") == "ELOOP"
    assert list(disk.below("/profiles")) == []
    assert disk.remove("/profiles/a.json")
    assert disk.read("/etc/shadow") == b"secret"


def test_names_have_a_length_limit() -> None:
    assert reason(Disk(), "write", "/" + "n" * 256) == "ENAMETOOLONG"


def test_a_full_disk_refuses_and_keeps_the_old_content() -> None:
    disk, faults = faulty_disk()
    disk.write(PATH, b"old")
    faults.add(Fault(Site.DISK, DiskFault("ENOSPC"), what="write", times=1))

    assert reason(disk, "write", PATH) == "ENOSPC"
    assert disk.read(PATH) == b"old"
    disk.write(PATH, b"new")
    assert disk.read(PATH) == b"new"


def test_a_torn_write_leaves_a_part() -> None:
    disk, faults = faulty_disk()
    faults.add(Fault(Site.DISK, DiskFault("EIO", keep_bytes=2), what="write"))

    assert reason(disk, "write", PATH) == "EIO"
    assert disk.read(PATH) == b"x"


def test_a_fault_concerns_only_what_is_below_it() -> None:
    disk, faults = faulty_disk()
    faults.add(Fault(Site.DISK, DiskFault("EROFS"), what="write", on="/var"))

    disk.write("/variable", b"")
    assert reason(disk, "write", "/var/x") == "EROFS"
    faults.end()
    disk.write("/var/x", b"")


def test_who_looks_from_outside_the_world_meets_no_fault() -> None:
    disk, faults = faulty_disk()
    disk.write(PATH, b"old")
    faults.add(Fault(Site.DISK, DiskFault()))

    assert disk.peek(PATH) == b"old"
    assert disk.peek("/none") is None
    assert list(disk.peek_below()) == [(PATH, b"old")]
    assert reason(disk, "read", PATH) == "EIO"
    with pytest.raises(DiskRefused):
        list(disk.below("/"))


# -- what is added to, and renamed -----------------------------------------------------------------------------------


def test_what_is_appended_comes_after_what_stands_there() -> None:
    disk, heard = Disk(), list[DiskChange]()
    disk.subscribe(heard.append)
    disk.append("/log", b"one")
    disk.append("/log", b"two")
    disk.truncate("/log", 4)

    assert disk.read("/log") == b"onet"
    assert heard == [DiskChange("/log", b"one"), DiskChange("/log", b"onetwo"), DiskChange("/log", b"onet")]


def test_a_file_is_the_same_whatever_is_added_to_it_and_whatever_it_is_called() -> None:
    disk = Disk()
    disk.append("/log", b"one")
    inode = disk.inode("/log")
    disk.append("/log", b"two")
    disk.truncate("/log", 0)
    disk.rename("/log", "/old/log")

    assert disk.inode("/old/log") == inode
    assert not disk.exists("/log")
    disk.append("/log", b"new")
    assert disk.inode("/log") != inode


@pytest.mark.parametrize("end", ["write", "remove", "link", "rename"])
def test_a_file_that_is_gone_or_was_written_anew_is_another(end: str) -> None:
    disk = Disk()
    disk.write("/other", b"")
    disk.append("/log", b"one")
    inode = disk.inode("/log")
    match end:
        case "write":
            disk.write("/log", b"one")
        case "remove":
            disk.remove("/log")
        case "link":
            disk.link("/log", "/other")
            disk.remove("/log")
        case "rename":
            disk.rename("/other", "/log")

    disk.append("/log", b"")
    assert disk.inode("/log") != inode


def test_a_full_disk_can_be_appended_to_in_part_and_cut_off() -> None:
    disk, faults = faulty_disk()
    disk.append("/log", b"one")
    faults.add(Fault(Site.DISK, DiskFault("ENOSPC", keep_bytes=2), what="write"))

    with pytest.raises(DiskRefused, match="no space left"):
        disk.append("/log", b"two")
    assert disk.read("/log") == b"onetw"
    disk.truncate("/log", 3)
    disk.rename("/log", "/old")
    assert disk.read("/old") == b"one"


def test_only_files_are_appended_to_cut_off_and_renamed() -> None:
    disk = Disk()
    disk.make_directory("/d")
    disk.write("/f", b"")
    disk.link("/l", "/f")
    for refused, reason in (
        (lambda: disk.append("/d", b""), "EISDIR"),
        (lambda: disk.append("/f/x", b""), "ENOTDIR"),
        (lambda: disk.append("/l", b""), "ELOOP"),
        (lambda: disk.truncate("/d", 0), "EISDIR"),
        (lambda: disk.truncate("/none", 0), "ENOENT"),
        (lambda: disk.rename("/d", "/e"), "EISDIR"),
        (lambda: disk.rename("/none", "/e"), "ENOENT"),
        (lambda: disk.rename("/f", "/d"), "EISDIR"),
        (lambda: disk.rename("/f", "/f/x"), "ENOTDIR"),
        (lambda: disk.inode("/l"), "ELOOP"),
    ):
        with pytest.raises(DiskRefused) as refusal:
            refused()
        assert refusal.value.reason == reason
