"""The logs that readers and writers of lines are tried on: written by others, rotated, cut off, replaced, filled up."""

from __future__ import annotations

import contextlib
import os
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from spo.doors.lines import Position
from spo.doors.ports import LineReader, LineWriter
from spo.real.lines import RealLineReader, RealLineWriter
from spo.sim.faults import Fault, Faults, Site
from spo.sim.faults.fates import DiskFault
from spo.sim.node.audit import AuditLog
from spo.sim.node.disk import Disk
from spo.sim.timeline import Timeline
from spo.testbed.lines_door import SimAuditReader, SimLineReader, SimLineWriter


class World(Protocol):
    """One log: what a program of ours reads of it, and what others do to it."""

    def reader(self, position: Position | None = None) -> LineReader: ...
    def put(self, data: bytes) -> None:
        """Somebody adds these bytes, whole lines or not."""


class Files(World, Protocol):
    """A log in files."""

    def writer(self) -> LineWriter: ...
    def read(self, name: str = "log") -> bytes: ...
    def write_over(self, data: bytes) -> None:
        """Put these bytes in place of all others, in the same file."""

    def rename(self, name: str, to: str) -> None: ...
    def remove(self, name: str) -> None: ...
    def link(self, name: str, target: str) -> None: ...
    def make_directory(self, name: str) -> None: ...
    def names(self) -> list[str]: ...
    def fill_up(self) -> None: ...
    def heal(self) -> None: ...


def rotate(world: Files, keep: int = 9) -> None:
    """As auditd does it: the oldest file goes, each other one becomes a generation older. `put` begins a new one."""
    names = ["log", *(f"log.{number}" for number in range(1, keep + 1))]
    standing = world.names()
    if names[-1] in standing:
        world.remove(names[-1])
    for newer, older in reversed(list(pairwise(names))):
        if newer in standing:
            world.rename(newer, older)


class SimulatedDisk:
    root = "/var/log/audit"

    def __init__(self) -> None:
        self.faults = Faults(Timeline())
        self.disk = Disk("node-1", self.faults.gate(Site.DISK))
        self.disk.make_directory(self.root)

    def reader(self, position: Position | None = None) -> LineReader:
        return SimLineReader(self.disk, f"{self.root}/log", position)

    def writer(self) -> LineWriter:
        return SimLineWriter(self.disk, f"{self.root}/log")

    def put(self, data: bytes) -> None:
        self.disk.append(f"{self.root}/log", data)

    def read(self, name: str = "log") -> bytes:
        return self.disk.read(f"{self.root}/{name}")

    def write_over(self, data: bytes) -> None:
        self.disk.truncate(f"{self.root}/log", 0)
        self.disk.append(f"{self.root}/log", data)

    def rename(self, name: str, to: str) -> None:
        self.disk.rename(f"{self.root}/{name}", f"{self.root}/{to}")

    def remove(self, name: str) -> None:
        self.disk.remove(f"{self.root}/{name}")

    def link(self, name: str, target: str) -> None:
        self.disk.link(f"{self.root}/{name}", target)

    def make_directory(self, name: str) -> None:
        self.disk.make_directory(f"{self.root}/{name}")

    def names(self) -> list[str]:
        return [path.removeprefix(f"{self.root}/") for path, _ in self.disk.below(self.root)]

    def fill_up(self) -> None:
        self.faults.add(Fault(Site.DISK, DiskFault("ENOSPC", keep_bytes=7), what="write"))

    def heal(self) -> None:
        self.faults.end()


class RealDirectory:
    def __init__(self, root: Path) -> None:
        self.root = root

    def reader(self, position: Position | None = None) -> LineReader:
        return RealLineReader(self.root / "log", position)

    def writer(self) -> LineWriter:
        return RealLineWriter(self.root / "log")

    def put(self, data: bytes) -> None:
        with (self.root / "log").open("ab") as log:
            log.write(data)

    def read(self, name: str = "log") -> bytes:
        return (self.root / name).read_bytes()

    def write_over(self, data: bytes) -> None:
        (self.root / "log").write_bytes(data)

    def rename(self, name: str, to: str) -> None:
        (self.root / name).rename(self.root / to)

    def remove(self, name: str) -> None:
        (self.root / name).unlink()

    def link(self, name: str, target: str) -> None:
        (self.root / name).symlink_to(target)

    def make_directory(self, name: str) -> None:
        (self.root / name).mkdir()

    def names(self) -> list[str]:
        return sorted(os.listdir(self.root))

    def fill_up(self) -> None:
        """Only what is small can be filled up."""
        with contextlib.suppress(OSError), (self.root / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def heal(self) -> None:
        (self.root / "ballast").unlink()


class Kernel:
    """What a simulated kernel says: lines at once, of which it keeps the newest."""

    def __init__(self, limit_lines: int = 100) -> None:
        self.log = AuditLog(limit_lines)

    def reader(self, position: Position | None = None) -> LineReader:
        return SimAuditReader(self.log, position)

    def put(self, data: bytes) -> None:
        for line in data.splitlines():
            self.log.append(line.decode())


def taken(reader: LineReader, size_max: int = 2**20) -> list[bytes]:
    """All that can be read now; nothing is lost."""
    lines: list[bytes] = []
    while True:
        batch = reader.take(size_max)
        assert batch.losses == ()
        if not batch.lines:
            return lines
        lines += batch.lines
