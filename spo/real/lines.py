"""The lines of a real node: logs and spool files, of which a writer adds to the end and a reader knows its place."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from spo.doors.lines import Position, joined
from spo.doors.log_reader import LogFile, LogReader
from spo.doors.ports import DiskError

FILE_MODE = 0o600  # what programs do is nobody's business but that of who may read audit logs
# Never through a symlink; without waiting for whoever is at the other end of a pipe.
NO_DETOUR = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
BLOCK = 4096


class RealLineReader(LogReader):
    """Implements `spo.doors.ports.LineReader` on the log at `path`."""

    def __init__(self, path: str | os.PathLike[str], position: Position | None = None) -> None:
        super().__init__(_Files(os.fspath(path)), position)


class _Files:
    """A file is told by its inode: all generations are in one directory. While it is open nothing else gets that."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None

    def look(self, generation: int) -> LogFile | None:
        with _disk_errors(self._path):
            try:
                status = os.stat(self._name(generation), follow_symlinks=False)
                _refuse_what_is_no_file(status)
            except FileNotFoundError:
                return None
            except _NoFile:
                if generation:
                    return None
                raise
        return LogFile(generation, str(status.st_ino), status.st_size)

    def open(self, file: LogFile) -> bool:
        with _disk_errors(self._path):
            try:
                descriptor = _open(self._name(file.generation), os.O_RDONLY)
            except (FileNotFoundError, _NoFile):
                return False
        if str(os.fstat(descriptor).st_ino) != file.identity:
            os.close(descriptor)
            return False
        self.close()
        self._descriptor = descriptor
        return True

    def size(self) -> int:
        assert self._descriptor is not None
        return os.fstat(self._descriptor).st_size

    def read(self, offset: int, size: int) -> bytes:
        assert self._descriptor is not None
        with _disk_errors(self._path):
            return os.pread(self._descriptor, size, offset)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _name(self, generation: int) -> str:
        return f"{self._path}.{generation}" if generation else self._path


class RealLineWriter:
    """Implements `spo.doors.ports.LineWriter` on the file at `path`, which it makes; its directory must be there."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)

    def append(self, lines: Sequence[bytes]) -> None:
        """See `spo.doors.ports.LineWriter`. The file is opened each time: somebody may have rotated it."""
        data = joined(lines)
        with _disk_errors(self._path):
            descriptor = _open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                whole = _without_torn_line(descriptor)
                try:
                    _write(descriptor, data)
                except OSError:
                    os.ftruncate(descriptor, whole)
                    raise
            finally:
                os.close(descriptor)


class _NoFile(OSError):
    """What stands there is something else: a symlink, a directory, a pipe, a device."""


def _open(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | NO_DETOUR, FILE_MODE)
    try:
        _refuse_what_is_no_file(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_what_is_no_file(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kinds = ((stat.S_ISLNK, errno.ELOOP), (stat.S_ISDIR, errno.EISDIR))
        number = next((number for is_kind, number in kinds if is_kind(status.st_mode)), errno.EINVAL)
        raise _NoFile(number, os.strerror(number))


def _without_torn_line(descriptor: int) -> int:
    """The size of the file, once what is no whole line at its end is gone."""
    size = whole = os.fstat(descriptor).st_size
    while whole:
        begin = max(whole - BLOCK, 0)
        newline = os.pread(descriptor, whole - begin, begin).rfind(b"\n")
        if newline >= 0:
            whole = begin + newline + 1
            break
        whole = begin
    if whole < size:
        os.ftruncate(descriptor, whole)
    return whole


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextmanager
def _disk_errors(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(errno.errorcode.get(error.errno or 0, "EIO"), f"{path}: {error.strerror}") from error
