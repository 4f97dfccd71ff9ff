"""The disks that a profile directory is tried on: looked at, meddled with, filled up and healed from outside."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from pathlib import Path
from typing import Protocol

from spo.doors.ports import ProfileDirectory
from spo.real.profile_directory import RealProfileDirectory
from spo.sim.faults import Fault, Faults, Site
from spo.sim.faults.fates import DiskFault
from spo.sim.node.disk import Disk
from spo.sim.timeline import SECOND_NS, Timeline
from spo.testbed.disk_door import SimProfileDirectory


class World(Protocol):
    """One directory on one disk."""

    def door(self) -> ProfileDirectory:
        """A process starts: it knows nothing yet."""

    def pass_time(self, seconds: float) -> None: ...
    def put(self, path: str, data: bytes) -> None:
        """Somebody else writes."""

    def drop(self, path: str) -> None:
        """Somebody else removes."""

    def link(self, path: str, target: str) -> None:
        """Somebody puts a symlink there."""

    def make_directory(self, path: str) -> None: ...
    def read(self, path: str) -> bytes | None: ...
    def names(self) -> list[str]:
        """Every file there is, hidden ones too; links are not."""

    # A plain directory can be neither filled up nor made read-only, a fake one can be filled up.
    def fill_up(self) -> None: ...
    def make_read_only(self) -> None: ...
    def heal(self) -> None: ...


class SimulatedDisk:
    root = "/var/lib/kubelet/seccomp/operator"

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.faults = Faults(self.timeline)
        self.disk = Disk("node-1", self.faults.gate(Site.DISK))

    def door(self) -> ProfileDirectory:
        return SimProfileDirectory(self.disk, self.root, self.timeline)

    def pass_time(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now_ns + round(seconds * SECOND_NS))

    def put(self, path: str, data: bytes) -> None:
        self.disk.write(f"{self.root}/{path}", data)

    def drop(self, path: str) -> None:
        self.disk.remove(f"{self.root}/{path}")

    def link(self, path: str, target: str) -> None:
        self.disk.link(f"{self.root}/{path}", target)

    def make_directory(self, path: str) -> None:
        self.disk.make_directory(f"{self.root}/{path}")

    def read(self, path: str) -> bytes | None:
        return dict(self.disk.below("/")).get(f"{self.root}/{path}")

    def names(self) -> list[str]:
        return [path.removeprefix(self.root + "/") for path, _ in self.disk.below(self.root)]

    def fill_up(self) -> None:
        self.faults.add(Fault(Site.DISK, DiskFault("ENOSPC"), what="write"))

    def make_read_only(self) -> None:
        for what in ("write", "remove"):
            self.faults.add(Fault(Site.DISK, DiskFault("EROFS"), what=what))

    def heal(self) -> None:
        self.faults.end()


class Told:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.time = 1_767_225_600.0

    def now(self) -> float:
        return self.time


class RealDirectory:
    """A directory of the file system that Python sees."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Told()

    def door(self) -> ProfileDirectory:
        return RealProfileDirectory(self.root, self.clock)

    def pass_time(self, seconds: float) -> None:
        self.clock.time += seconds

    def put(self, path: str, data: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def drop(self, path: str) -> None:
        (self.root / path).unlink()

    def link(self, path: str, target: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            (self.root / path).unlink()
        (self.root / path).symlink_to(target)

    def make_directory(self, path: str) -> None:
        (self.root / path).mkdir(parents=True)

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def names(self) -> list[str]:
        found = []
        for directory, _, files in os.walk(self.root):
            paths = [os.path.join(directory, file) for file in files]
            found += [os.path.relpath(path, self.root) for path in paths if stat.S_ISREG(os.lstat(path).st_mode)]
        return sorted(found)


class FakeFileSystem(RealDirectory):
    """pyfakefs: everything in memory, and a disk that can be too small."""

    def __init__(self, fs: object) -> None:
        super().__init__(Path("/kubelet/operator"))
        self.fs = fs

    def fill_up(self) -> None:
        self.fs.set_disk_usage(self.fs.get_disk_usage().used + 10)  # type: ignore[attr-defined]

    def heal(self) -> None:
        self.fs.set_disk_usage(2**30)  # type: ignore[attr-defined]


class SmallFileSystem(RealDirectory):
    """A tmpfs of its own: really full, really read-only."""

    def __init__(self, mount: Path) -> None:
        super().__init__(mount / "operator")
        self.mount = mount

    def fill_up(self) -> None:
        (self.mount / "ballast").write_bytes(b"")
        with contextlib.suppress(OSError), (self.mount / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", self.mount], check=True)

    def heal(self) -> None:
        subprocess.run(["mount", "-o", "remount,rw", self.mount], check=True)
        (self.mount / "ballast").unlink(missing_ok=True)


WORLDS = ("simulated", "directory", "fake", "small")
