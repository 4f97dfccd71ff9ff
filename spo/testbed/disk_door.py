"""The profile directory of a simulated node: what `spo.real.profile_directory` promises, on a `Disk`."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from hashlib import sha256

from spo.doors.file_watch import UNREADABLE, FileWatch, is_profile, parts_of
from spo.doors.ports import DiskError, ProfileDirectory
from spo.events import Event
from spo.intents import FileIntent, WriteFile
from spo.sim.faults import Faults, Operation, Site
from spo.sim.faults.fates import Attempt
from spo.sim.node.disk import Disk, DiskChange, DiskRefused
from spo.sim.timeline import Alarm, Timeline

NO_FILE = frozenset({"ENOENT", "ENOTDIR", "EISDIR", "ELOOP"})  # no file of ours stands there, whatever else does


def _nobody() -> None:
    """Nobody asked to be woken."""


class SimProfileDirectory:
    """The profiles below `root` on `disk`. A look costs nothing while nobody touches them.

    `wake` is called when `take` will have news: now, after our own intent; at the next look, after anyone else's deed.
    """

    def __init__(self, disk: Disk, root: str, timeline: Timeline, wake: Callable[[], None] = _nobody) -> None:
        self._disk = disk
        self._root = posixpath.normpath(root)
        self._timeline = timeline
        self._wake = wake
        self._files = FileWatch()
        self._touched: set[str] = set()  # by others, since the last look
        self._alarm: Alarm | None = None
        self._acting = False
        disk.subscribe(self._hear)

    def close(self) -> None:
        """The process is gone: hear no more, wake nobody."""
        self._disk.unsubscribe(self._hear)
        self._cancel()

    def take(self) -> Iterable[Event]:
        """See `spo.doors.ports.ProfileDirectory`."""
        if self._files.is_time_to_look(self._timeline.now):
            self._look()
        return self._files.take()

    def carry_out(self, intent: FileIntent) -> None:
        """See `spo.doors.ports.ProfileDirectory`."""
        path = posixpath.join(self._root, *parts_of(intent.path))
        self._acting = True
        try:
            if isinstance(intent, WriteFile):
                self._disk.write(path, intent.data)
                now = sha256(intent.data).hexdigest()
            else:
                self._disk.remove(path)
                now = None
        except DiskRefused as refused:
            self._touched.add(path)  # a torn write is found by the next look, not believed in
            self._wake_at_next_look()
            raise DiskError(refused.reason, str(refused)) from refused
        finally:
            self._acting = False
        self._touched.discard(path)
        self._files.did(intent.path, now)
        self._wake()

    def _look(self) -> None:
        self._files.looking(self._timeline.now)
        self._cancel()
        touched, self._touched = sorted(self._touched), set()
        if self._files.listed:
            for path in touched:
                self._files.found(self._name(path), self._hash(path))
            return
        try:
            paths = [path for path, _ in self._disk.below(self._root) if is_profile(self._name(path))]
        except DiskRefused:
            self._wake_at_next_look(idle=True)  # not knowing is not the same as knowing that there is nothing
            return
        hashes = {self._name(path): self._hash(path) for path in paths}
        self._files.found_all({name: found for name, found in hashes.items() if found is not None})

    def _hash(self, path: str) -> str | None:
        try:
            return sha256(self._disk.read(path)).hexdigest()
        except DiskRefused as refused:
            if refused.reason in NO_FILE:
                return None
            self._touched.add(path)
            self._wake_at_next_look(idle=True)
            return UNREADABLE

    def _name(self, path: str) -> str:
        return path.removeprefix(self._root + "/")

    def _hear(self, change: DiskChange) -> None:
        below = change.path.startswith(self._root + "/")
        if below and not self._acting and is_profile(self._name(change.path)):
            self._touched.add(change.path)
            self._wake_at_next_look()

    def _wake_at_next_look(self, *, idle: bool = False) -> None:
        """`idle`: a disk that cannot be read may stay so for ever, and must not keep the world from rest."""
        if self._alarm is None or (self._alarm.idle and not idle):
            self._cancel()
            now = self._timeline.now
            self._alarm = self._timeline.after(self._files.next_look(now) - now, self._ring, idle=idle)

    def _ring(self) -> None:
        self._alarm = None
        self._wake()

    def _cancel(self) -> None:
        if self._alarm is not None:
            self._timeline.cancel(self._alarm)
            self._alarm = None


class FaultyProfileDirectory:
    """A profile directory that faults stand at: `pod` may hear that the disk failed, or die before or after it acts."""

    def __init__(self, directory: ProfileDirectory, faults: Faults, pod: str) -> None:
        self._directory = directory
        self._faults = faults
        self._gate = faults.gate(Site.DIRECTORY)
        self._pod = pod

    def take(self) -> Iterable[Event]:
        """See `spo.doors.ports.ProfileDirectory`."""
        return self._directory.take()

    def carry_out(self, intent: FileIntent) -> None:
        """See `spo.doors.ports.ProfileDirectory`."""
        if self._gate.armed:
            self._gate.strike(_DirectoryAttempt(self._directory, intent, self._faults, self._pod))
        else:
            self._directory.carry_out(intent)


class _DirectoryAttempt(Attempt[None]):
    """One write or removal, as a fault may strike it."""

    def __init__(self, directory: ProfileDirectory, intent: FileIntent, faults: Faults, pod: str) -> None:
        what = "write" if isinstance(intent, WriteFile) else "remove"
        self.operation = Operation(Site.DIRECTORY, (pod,), what, intent.path)
        self._directory = directory
        self._intent = intent
        self._faults = faults
        self._pod = pod

    def do(self) -> None:
        self._directory.carry_out(self._intent)

    def unanswered(self) -> Exception:
        return self.refused("EIO")

    def refused(self, reason: str) -> Exception:
        return DiskError(reason, str(DiskRefused(reason, self._intent.path)))

    def late(self, seconds: float) -> None:
        self._faults.hold(self._pod, seconds)
        self.do()
