"""What only real files do to a reader or a writer of lines; what they promise is in `tests/conformance/lines`."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spo.doors.lines import Batch
from spo.doors.ports import DiskError
from spo.real import lines
from spo.real.lines import RealLineReader, RealLineWriter

WRITER = """
import os, sys
from pathlib import Path
from spo.real.lines import RealLineWriter
log, count, rotate_every = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
writer = RealLineWriter(log)
for number in range(0, count, 10):
    writer.append([b"line %d %s" % (each, b"x" * (each % 97)) for each in range(number, number + 10)])
    if rotate_every and number % rotate_every == 0:
        for older in range(9, 0, -1):
            newer = f"{log}.{older - 1}" if older > 1 else str(log)
            if os.path.exists(newer):
                os.rename(newer, f"{log}.{older}")
"""


@pytest.fixture
def ten_seconds() -> Iterator[None]:
    """For what might wait for ever."""

    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def writing(log: Path, count: int, rotate_every: int = 0) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(log), str(count), str(rotate_every)])


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def line(number: int) -> bytes:
    return b"line %d %s" % (number, b"x" * (number % 97))


def taken(reader: RealLineReader) -> list[bytes]:
    lines: list[bytes] = []
    while True:
        batch = reader.take()
        assert batch.losses == ()
        if not batch.lines:
            return lines
        lines += batch.lines


def test_what_stands_there_after_its_writer_was_killed_is_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for _ in range(3):
        process = writing(log, 10_000_000)
        end = time.monotonic() + 20
        while not (log.exists() and log.stat().st_size > 10_000):
            assert time.monotonic() < end
        process.send_signal(signal.SIGKILL)
        process.wait()
        RealLineWriter(log).append([b"after"])

        *lines, last = taken(RealLineReader(log))
        assert last == b"after"
        assert lines == [line(number) for number in range(len(lines))]
        log.unlink()


def test_a_log_that_is_rotated_while_it_is_read_is_read_whole(tmp_path: Path) -> None:
    reader, lines = RealLineReader(tmp_path / "log"), list[bytes]()
    process = writing(tmp_path / "log", 20_000, rotate_every=2_000)
    while process.poll() is None:
        lines += taken(reader)
    lines += taken(reader)

    assert lines == [line(number) for number in range(20_000)]


def test_a_spool_is_for_who_may_read_audit_logs(tmp_path: Path) -> None:
    RealLineWriter(tmp_path / "log").append([b"one"])

    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_pipe_in_place_of_a_log_does_not_stop_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    for attempt in (RealLineReader(tmp_path / "log").take, lambda: RealLineWriter(tmp_path / "log").append([b"one"])):
        with pytest.raises(DiskError) as refusal:
            attempt()
        assert refusal.value.reason == "EINVAL"


@pytest.mark.parametrize("meanwhile", ["removed", "another", "a pipe"])
@pytest.mark.usefixtures("ten_seconds")
def test_what_happens_between_looking_and_opening_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\n")
    really_open = lines._open

    def meddled(path: str, flags: int) -> int:
        log.rename(tmp_path / "log.1")
        if meanwhile == "another":
            log.write_bytes(b"two\n")
        elif meanwhile == "a pipe":
            os.mkfifo(log)
        return really_open(path, flags)

    reader, before = RealLineReader(log), descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(lines, "_open", meddled)
        assert reader.take() == Batch()
        assert descriptors() == before
    if meanwhile == "a pipe":
        log.unlink()

    assert taken(reader) == [b"one", b"two"][: 2 if meanwhile == "another" else 1]


def test_a_log_that_we_may_not_read_is_an_error_and_a_directory_that_is_not_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "no-directory").write_bytes(b"")
    with pytest.raises(DiskError) as refusal:
        RealLineReader(tmp_path / "no-directory/log").take()
    assert refusal.value.reason == "ENOTDIR"

    assert RealLineReader(tmp_path / "nowhere/log").take().lines == ()
    with pytest.raises(DiskError) as refusal:
        RealLineWriter(tmp_path / "nowhere/log").append([b"one"])
    assert refusal.value.reason == "ENOENT"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = descriptors()
    log, reader, writer = tmp_path / "log", RealLineReader(tmp_path / "log"), RealLineWriter(tmp_path / "log")
    for _ in range(5):
        writer.append([b"one"])
        assert taken(reader) == [b"one"]
        log.rename(tmp_path / "log.1")
    assert descriptors() == before + 1  # the file that we are in

    os.mkfifo(log)
    with pytest.raises(DiskError):
        writer.append([b"one"])
    with pytest.raises(DiskError):
        reader.take()
    reader.close()
    assert descriptors() == before
