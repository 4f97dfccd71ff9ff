"""The lines of a simulated node: of files on its disk, as `spo.real.lines` has them, and of its kernel's audit log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from spo.doors.lines import TAKE_BYTES, Batch, Loss, Position, joined
from spo.doors.log_reader import LogFile, LogReader
from spo.doors.ports import DiskError
from spo.sim.node.audit import AuditLog
from spo.sim.node.disk import Disk, DiskChange, DiskRefused

AUDIT = "audit"


class SimLineReader(LogReader):
    """Implements `spo.doors.ports.LineReader` on the log at `path`."""

    def __init__(self, disk: Disk, path: str, position: Position | None = None) -> None:
        super().__init__(_Files(disk, path), position)


class _Files:
    """The open file is the bytes that it last had: a disk tells of each change, and forgets what is removed."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path
        self._inode = 0  # none is open
        self._data = b""
        disk.subscribe(self._hear)

    def look(self, generation: int) -> LogFile | None:
        path = self._name(generation)
        try:
            return LogFile(generation, str(self._disk.inode(path)), len(self._disk.read(path)))
        except DiskRefused as refused:
            if refused.reason == "ENOENT" or (generation and refused.reason in ("EISDIR", "ELOOP")):
                return None
            raise DiskError(refused.reason, str(refused)) from refused

    def open(self, file: LogFile) -> bool:
        with _as_disk_errors():
            self._inode, self._data = int(file.identity), self._disk.read(self._name(file.generation))
        return True

    def size(self) -> int:
        return len(self._data)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    def close(self) -> None:
        self._disk.unsubscribe(self._hear)

    def _name(self, generation: int) -> str:
        return f"{self._path}.{generation}" if generation else self._path

    def _hear(self, change: DiskChange) -> None:
        if change.data is not None and self._disk.inode(change.path) == self._inode:
            self._data = change.data


class SimLineWriter:
    """Implements `spo.doors.ports.LineWriter` on the file at `path`."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path

    def append(self, lines: Sequence[bytes]) -> None:
        """See `spo.doors.ports.LineWriter`."""
        data = joined(lines)
        with _as_disk_errors():
            whole = self._without_torn_line()
            try:
                self._disk.append(self._path, data)
            except DiskRefused:
                if self._disk.exists(self._path):
                    self._disk.truncate(self._path, whole)
                raise

    def _without_torn_line(self) -> int:
        """The size of the file, once what is no whole line at its end is gone."""
        try:
            standing = self._disk.read(self._path)
        except DiskRefused as refused:
            if refused.reason == "ENOENT":
                return 0
            raise
        whole = standing.rfind(b"\n") + 1
        if whole < len(standing):
            self._disk.truncate(self._path, whole)
        return whole


class SimAuditReader:
    """Implements `spo.doors.ports.LineReader` on what a node's kernel said: of old lines it keeps only so many.

    Positions count lines: there is no file.
    """

    def __init__(self, log: AuditLog, position: Position | None = None) -> None:
        self._log = log
        self._position = position

    def take(self, size_max: int = TAKE_BYTES) -> Batch:
        """See `spo.doors.ports.LineReader`."""
        lines: list[bytes] = []
        losses: list[Loss] = []
        at, room = self._begin(losses), size_max
        for text in islice(self._log.lines, at - self._log.first, None):
            line = text.encode()
            if len(line) >= size_max:
                losses.append(Loss("too long", 1, len(line)))
            elif len(line) >= room:
                break
            else:
                lines.append(line)
                room -= len(line) + 1
            at += 1
        self._position = Position(AUDIT, at)
        return Batch(tuple(lines), self._position, tuple(losses))

    def close(self) -> None:
        """See `spo.doors.ports.LineReader`. There is nothing to let go of."""

    def _begin(self, losses: list[Loss]) -> int:
        position, first = self._position, self._log.first
        if position is None:
            return first
        if position.file != AUDIT or position.offset > self._log.written:
            losses.append(Loss("gone"))  # it is a position in another log
            return first
        if position.offset < first:
            losses.append(Loss("overrun", first - position.offset))
        return max(position.offset, first)


@contextmanager
def _as_disk_errors() -> Iterator[None]:
    try:
        yield
    except DiskRefused as refused:
        raise DiskError(refused.reason, str(refused)) from refused
