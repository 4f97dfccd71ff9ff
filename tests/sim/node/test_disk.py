"""The node's disk, and the ways it says no."""

from __future__ import annotations

import pytest

from spo.sim.node.disk import Disk, DiskChange, DiskRefused, Fault

PATH = "/var/lib/kubelet/seccomp/operator/default/a.json"


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
    disk = Disk()
    disk.write(PATH, b"old")
    disk.add_fault(Fault(frozenset({"write"}), "ENOSPC", times=1))

    assert reason(disk, "write", PATH) == "ENOSPC"
    assert disk.read(PATH) == b"old"
    disk.write(PATH, b"new")
    assert disk.read(PATH) == b"new"


def test_a_torn_write_leaves_a_part() -> None:
    disk = Disk()
    disk.add_fault(Fault(frozenset({"write"}), "EIO", keep_bytes=2))

    assert reason(disk, "write", PATH) == "EIO"
    assert disk.read(PATH) == b"x"


def test_a_fault_concerns_only_what_is_below_it() -> None:
    disk = Disk()
    disk.add_fault(Fault(frozenset({"write"}), "EROFS", below="/var"))

    disk.write("/variable", b"")
    assert reason(disk, "write", "/var/x") == "EROFS"
    disk.clear_faults()
    disk.write("/var/x", b"")
