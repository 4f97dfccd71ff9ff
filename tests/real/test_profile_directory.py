from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from spo.doors.file_watch import UNREADABLE
from spo.doors.ports import DiskError
from spo.events import FileSeen, Listed
from spo.intents import RemoveFile, WriteFile
from spo.real import profile_directory
from spo.real.profile_directory import RealProfileDirectory

NGINX = WriteFile("default/nginx.json", b"{}")


class Told:
    time = 1000.0

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Told:
    return Told()


@pytest.fixture
def door(tmp_path: Path, clock: Told) -> RealProfileDirectory:
    return RealProfileDirectory(tmp_path / "operator", clock)


@pytest.fixture
def tight_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def seen(path: str, data: bytes) -> FileSeen:
    return FileSeen(path, sha256(data).hexdigest())


@pytest.mark.usefixtures("tight_umask")
def test_the_kubelet_can_read_what_we_write_whatever_our_umask(door: RealProfileDirectory, tmp_path: Path) -> None:
    door.carry_out(NGINX)

    assert stat.S_IMODE((tmp_path / "operator/default").stat().st_mode) == 0o744
    assert stat.S_IMODE((tmp_path / "operator/default/nginx.json").stat().st_mode) == 0o644


def test_bytes_are_safe_before_the_name_and_the_name_before_we_return(
    door: RealProfileDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.carry_out(NGINX)  # so that the directories are there
    deeds = []

    def spy(name: str) -> None:
        real = getattr(os, name)

        def spied(*arguments: object, **options: object) -> object:
            what = ""
            if name == "fsync":
                what = " directory" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else " file"  # type: ignore[arg-type]
            deeds.append(name + what)
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, spied)

    spy("fsync")
    spy("rename")
    spy("unlink")
    door.carry_out(NGINX)
    door.carry_out(RemoveFile(NGINX.path))

    assert deeds == ["fsync file", "rename", "fsync directory", "unlink", "fsync directory"]


@pytest.mark.parametrize("broken", ["fsync", "rename"])
@pytest.mark.parametrize("reason", ["EIO", "ENOSPC", "EROFS", "EACCES", "EDQUOT"])
def test_whatever_step_fails_nothing_half_written_is_left(
    door: RealProfileDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, reason: str
) -> None:
    door.carry_out(NGINX)
    code = getattr(errno, reason)

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, fail)
        with pytest.raises(DiskError) as refusal:
            door.carry_out(WriteFile(NGINX.path, b"new"))

    assert refusal.value.reason == reason
    assert [path.name for path in (tmp_path / "operator/default").iterdir()] == ["nginx.json"]
    assert (tmp_path / "operator/default/nginx.json").read_bytes() == b"{}"


def test_a_reader_sees_the_old_or_the_new_text_never_a_part(door: RealProfileDirectory, tmp_path: Path) -> None:
    """A child writes two texts in turn and is killed at some moment, again and again."""
    texts = (b"a" * 300_000, b"b" * 200_000)
    door.carry_out(WriteFile(NGINX.path, texts[0]))
    program = (
        "import sys, itertools, time\n"
        "from spo.real.profile_directory import RealProfileDirectory\n"
        "from spo.intents import WriteFile\n"
        "class Clock:\n"
        "    now = staticmethod(time.time)\n"
        "door = RealProfileDirectory(sys.argv[1], Clock())\n"
        "for n in itertools.count():\n"
        "    door.carry_out(WriteFile('default/nginx.json', b'ab'[n % 2 : n % 2 + 1] * (300_000 - n % 2 * 100_000)))\n"
        "    print(n, flush=True)\n"
    )
    for round_ in range(5):
        child = subprocess.Popen([sys.executable, "-c", program, tmp_path / "operator"], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        until = time.monotonic() + 0.02 + round_ * 0.003
        while time.monotonic() < until:
            assert (tmp_path / "operator/default/nginx.json").read_bytes() in texts
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert (tmp_path / "operator/default/nginx.json").read_bytes() in texts


def test_what_a_killed_process_left_half_written_is_cleaned_at_start_and_only_then(tmp_path: Path, clock: Told) -> None:
    (tmp_path / "operator/default").mkdir(parents=True)
    leftover = tmp_path / "operator/default/.spo-0123456789abcdef.tmp"
    leftover.write_bytes(b"hal")
    door = RealProfileDirectory(tmp_path / "operator", clock)

    assert list(door.take()) == [Listed(FileSeen)]
    assert not leftover.exists()

    leftover.write_bytes(b"of another daemon that is just writing")
    clock.time += 10
    list(door.take())
    assert leftover.exists()


def test_a_file_that_nobody_touched_is_not_read_again(
    door: RealProfileDirectory, tmp_path: Path, clock: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"operator/{name}").mkdir(parents=True)
        (tmp_path / f"operator/{name}/x.json").write_bytes(b"{}")
    list(door.take())
    read = []
    really = profile_directory._hash
    monkeypatch.setattr(profile_directory, "_hash", lambda name, fd: read.append(name) or really(name, fd))

    clock.time += 10
    list(door.take())
    assert read == []

    (tmp_path / "operator/two/x.json").write_bytes(b"[]")
    clock.time += 10
    assert list(door.take()) == [seen("two/x.json", b"[]")]
    assert len(read) == 1


def test_a_change_that_hides_its_size_and_time_is_found(
    door: RealProfileDirectory, tmp_path: Path, clock: Told
) -> None:
    door.carry_out(NGINX)
    list(door.take())
    clock.time += 10
    list(door.take())
    file = tmp_path / "operator/default/nginx.json"
    before = file.stat()
    time.sleep(0.02)  # the kernel's file times are coarse

    file.write_bytes(b"[]")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    clock.time += 10

    assert list(door.take()) == [seen("default/nginx.json", b"[]")]


def test_a_clock_that_is_set_back_does_not_stop_the_looking(
    door: RealProfileDirectory, tmp_path: Path, clock: Told
) -> None:
    list(door.take())
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator/x.json").write_bytes(b"{}")

    clock.time -= 3600

    assert list(door.take()) == [seen("x.json", b"{}")]


def test_a_look_that_fails_tells_nothing_not_even_that_there_is_nothing(
    door: RealProfileDirectory, clock: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    door.carry_out(NGINX)

    def fail(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", fail)
        assert list(door.take()) == [seen(NGINX.path, b"{}")]
        clock.time += 10
        assert list(door.take()) == []
    assert caplog.text.count("Input/output error") == 1
    clock.time += 10
    assert list(door.take()) == [Listed(FileSeen)]


def test_a_namespace_that_cannot_be_read_makes_the_look_fail(
    door: RealProfileDirectory, clock: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.carry_out(NGINX)
    really = os.open

    def fail(path: str, *arguments: int, dir_fd: int | None = None) -> int:
        if path == "default":
            raise OSError(errno.EIO, "Input/output error")
        return really(path, *arguments, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        assert list(door.take()) == [seen(NGINX.path, b"{}")]
    clock.time += 10
    assert list(door.take()) == [Listed(FileSeen)]


def test_a_directory_that_becomes_a_symlink_after_it_was_checked_is_not_followed(
    door: RealProfileDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator/default").symlink_to("../elsewhere")
    monkeypatch.setattr(profile_directory, "_refuse_link", lambda *_: None)

    with pytest.raises(DiskError):
        door.carry_out(NGINX)

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_cannot_be_read_is_told_as_there_but_not_what_we_want(
    door: RealProfileDirectory, clock: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.carry_out(NGINX)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(profile_directory.hashlib, "file_digest", fail)
        assert list(door.take())[1:] == [FileSeen(NGINX.path, UNREADABLE), Listed(FileSeen)]
    clock.time += 10
    assert list(door.take()) == [seen(NGINX.path, b"{}")]


def test_a_pipe_that_looks_like_a_profile_does_not_stop_us(door: RealProfileDirectory, tmp_path: Path) -> None:
    (tmp_path / "operator").mkdir()
    os.mkfifo(tmp_path / "operator/x.json")

    assert list(door.take()) == [Listed(FileSeen)]


def test_a_root_below_a_symlink_is_the_administrators_business(tmp_path: Path, clock: Told) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "kubelet").symlink_to("disk")
    door = RealProfileDirectory(tmp_path / "kubelet/operator", clock)

    door.carry_out(NGINX)

    assert (tmp_path / "disk/operator/default/nginx.json").read_bytes() == b"{}"


def test_no_descriptor_is_left_open(door: RealProfileDirectory, tmp_path: Path, clock: Told) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    list(door.take())
    before = descriptors()
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator/link").symlink_to("/etc")
    for path in ("default/x.json", "a/b/c/x.json", "link/x.json"):
        for intent in (WriteFile(path, b"{}"), WriteFile(path, b"[]"), RemoveFile(path)):
            try:
                door.carry_out(intent)
            except DiskError as error:
                assert error.reason == "ELOOP"  # noqa: PT017
        clock.time += 10
        list(door.take())

    assert descriptors() == before
