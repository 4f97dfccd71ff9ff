"""How a log is followed through its rotated files, from a position on: the same in both worlds.

Rules
    A line ends with a newline; what has none yet is no line. A position always stands between two lines.
    Generation 0 of a log is written to; a rotation makes n + 1 of each n (`log`, `log.1`, `log.2` …), under the same
    identity. The next file is turned to when the present one is read to its end and the next one has something in it:
    so who writes has turned to it, too.

Guarantees
    Whatever is still there is given, in its order, whole, and at least once: again after a restart from an older
    position, or when the file that was read is gone and those that are left may have been read before it.
    What is not given is told as a Loss.

Assumptions
    One writer at a time. Rotated files keep their bytes. A file that was cut off and grew again beyond where a reader
    stood, in between two takes, begins with other bytes than before, or has no line begin at that place.

Does not
    know what a line says, wait for lines, find files that were compressed or renamed otherwise (they are gone).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from spo.doors.lines import TAKE_BYTES, Batch, Loss, Position

HEAD_BYTES = 256  # of a file's beginning; an audit line has its time and serial number within the first 60


class LogFile(Struct, frozen=True):
    """One generation of a log, as it stands there now."""

    generation: int
    identity: str
    size: int


class LogFiles(Protocol):
    """The files of one log. One of them is open, and can be read whatever becomes of its name. All raise DiskError."""

    def look(self, generation: int) -> LogFile | None:
        """What stands there; None: nothing. DiskError, too, if generation 0 is not a file."""

    def open(self, file: LogFile) -> bool:
        """Open this one in place of the other. False: under its name there is another one by now."""

    def size(self) -> int: ...
    def read(self, offset: int, size: int) -> bytes: ...
    def close(self) -> None: ...


class LogReader:
    """Implements `spo.doors.ports.LineReader` over the files of a log: the same in both worlds."""

    def __init__(self, files: LogFiles, position: Position | None = None) -> None:
        self._files = files
        self._position = position
        self._opened = False
        self._losses: list[Loss] = []  # not told yet: a take may end in a DiskError

    def take(self, size_max: int = TAKE_BYTES) -> Batch:
        """See `spo.doors.ports.LineReader`."""
        files = self._look()  # before we read: what is the end of a file that has a follower will stay its end
        if not self._opened:
            self._begin(files)
        elif self._is_another():
            self._losses.append(Loss("truncated"))
            self._stand_at(self._here.file, 0)
        lines: list[bytes] = []
        while self._opened and not lines:
            if not (self._read(lines, size_max) or self._turn_to_next(files)):
                break
        losses, self._losses = tuple(self._losses), []
        return Batch(tuple(lines), self._position, losses)

    def close(self) -> None:
        """See `spo.doors.ports.LineReader`."""
        self._files.close()

    @property
    def _here(self) -> Position:
        assert self._position is not None
        return self._position

    def _look(self) -> list[LogFile]:
        """All there are, oldest first. Found from the newest on: a rotation meanwhile moves files the way we go."""
        found: dict[str, LogFile] = {}
        generation = missing = 0
        while missing < 2:  # in the middle of a rotation there is one gap
            file = self._files.look(generation)
            missing = 0 if file else missing + 1
            if file is not None:
                found.setdefault(file.identity, file)
            generation += 1
        return list(reversed(found.values()))

    def _begin(self, files: Sequence[LogFile]) -> None:
        """Open the file of our position; the oldest, if there is none or it is gone."""
        for file in files:
            if self._position is not None and file.identity == self._position.file:
                if not self._files.open(file):
                    return  # renamed just now: it is found with the next take
                self._opened = not self._is_another()
        if not self._opened and files and self._files.open(files[0]):
            self._opened = True
            self._losses += [Loss("gone")] * (self._position is not None)
            self._stand_at(files[0].identity, 0)

    def _is_another(self) -> bool:
        """Are the bytes before our position no longer those that we read?"""
        offset = self._here.offset
        return offset > 0 and (self._head(offset) != self._here.head or self._files.read(offset - 1, 1) != b"\n")

    def _read(self, lines: list[bytes], size_max: int) -> bool:
        """Take in the next whole lines, or pass a line that is too long. False: the end is reached."""
        begin = offset = self._here.offset
        while b"\n" not in (data := self._files.read(offset, size_max)):
            offset += len(data)
            if len(data) < size_max:
                return False
        if offset > begin:
            end = offset + data.index(b"\n")
            self._stand_at(self._here.file, end + 1)
            self._losses.append(Loss("too long", 1, end - begin))
            return True
        end = data.rindex(b"\n")
        lines += data[:end].split(b"\n")
        self._stand_at(self._here.file, offset + end + 1)
        return True

    def _turn_to_next(self, files: Sequence[LogFile]) -> bool:
        """We are at the end: is there a next file, and something in it?"""
        here, names = self._here, [file.identity for file in files]
        later = files[names.index(here.file) + 1 :] if here.file in names else files
        following = next((file for file in later if file.size), None)
        unfinished = self._files.size() - here.offset
        if following is None or not self._files.open(following):
            return False
        self._losses += [Loss("unfinished", 1, unfinished)] * (unfinished > 0)
        self._losses += [Loss("gone")] * (here.file not in names)
        self._stand_at(following.identity, 0)
        return True

    def _stand_at(self, identity: str, offset: int) -> None:
        self._position = Position(identity, offset, self._head(offset))

    def _head(self, offset: int) -> str:
        size = min(offset, HEAD_BYTES)
        return sha256(self._files.read(0, size)).hexdigest() if size else ""
