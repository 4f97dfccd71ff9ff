"""The profile directory of a real node: written atomically, and never left."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from spo.doors.file_watch import UNREADABLE, FileWatch, is_profile, parts_of
from spo.doors.ports import Clock, DiskError
from spo.events import Event
from spo.intents import FileIntent, WriteFile

DIRECTORY_MODE = 0o744  # docs/reference.md 4
FILE_MODE = 0o644
TEMPORARY = (".spo-", ".tmp")  # beginning and end of a half-written file's name
HERE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC  # never through a symlink

log = logging.getLogger(__name__)


class _Signature(NamedTuple):
    """If none of these has changed, the content has not; the change time cannot be set back by who touches a file."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Signature:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class _Found(NamedTuple):
    signature: _Signature
    sha256: str


class RealProfileDirectory:
    """The profiles below `root`. What stands above `root` is the administrator's business, symlinks included."""

    def __init__(self, root: str | os.PathLike[str], clock: Clock) -> None:
        self._root = os.fspath(root)
        self._clock = clock
        self._files = FileWatch()
        self._found: dict[str, _Found] = {}
        self._trouble = ""

    def take(self) -> Iterable[Event]:
        """See `spo.doors.ports.ProfileDirectory`.

        A look that fails tells nothing, not even that there is nothing; it is logged.
        """
        now = self._clock.now()
        if self._files.is_time_to_look(now):
            self._files.looking(now)
            try:
                self._look()
                self._trouble = ""
            except OSError as error:
                if str(error) != self._trouble:
                    log.warning("cannot look through %s, trying again: %s", self._root, error)
                self._trouble = str(error)
        return self._files.take()

    def carry_out(self, intent: FileIntent) -> None:
        """See `spo.doors.ports.ProfileDirectory`."""
        parts = parts_of(intent.path)
        self._found.pop(intent.path, None)  # whatever happens now, the next look reads it afresh
        try:
            if isinstance(intent, WriteFile):
                self._write(parts, intent.data)
                self._files.did(intent.path, hashlib.sha256(intent.data).hexdigest())
            else:
                self._remove(parts)
                self._files.did(intent.path, None)
        except OSError as error:
            reason = errno.errorcode.get(error.errno or 0, "EIO")
            raise DiskError(reason, f"{os.path.join(self._root, intent.path)}: {error.strerror}") from error

    # -- deeds ---------------------------------------------------------------------------------------------------

    def _write(self, parts: list[str], data: bytes) -> None:
        os.makedirs(self._root, DIRECTORY_MODE, exist_ok=True)
        with self._directory(parts[:-1], make=True) as directory:
            _refuse_link(parts[-1], directory)
            temporary = TEMPORARY[0] + os.urandom(8).hex() + TEMPORARY[1]
            try:
                _write_whole(temporary, data, directory)
                os.rename(temporary, parts[-1], src_dir_fd=directory, dst_dir_fd=directory)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=directory)
                raise
            os.fsync(directory)  # the name, too, must survive a loss of power

    def _remove(self, parts: list[str]) -> None:
        try:
            with self._directory(parts[:-1]) as directory:
                os.unlink(parts[-1], dir_fd=directory)
                os.fsync(directory)
        except (FileNotFoundError, NotADirectoryError):
            return  # that is all that was asked for
        if len(parts) > 1:  # namespaces come and go: an empty directory of one need not stay
            with contextlib.suppress(OSError), self._directory(parts[:-2]) as above:
                os.rmdir(parts[-2], dir_fd=above)

    @contextmanager
    def _directory(self, parts: list[str], *, make: bool = False) -> Iterator[int]:
        """A descriptor of a directory below the root, reached step by step so that no symlink is ever followed."""
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                following = _step(part, descriptor, make)
                os.close(descriptor)
                descriptor = following
            yield descriptor
        finally:
            os.close(descriptor)

    # -- looking -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        found: dict[str, _Found] = {}
        try:
            with self._directory([]) as root:
                self._walk(root, "", found)
        except FileNotFoundError:
            pass  # nothing was ever written here
        self._found = {path: file for path, file in found.items() if file.sha256 != UNREADABLE}
        self._files.found_all({path: file.sha256 for path, file in found.items()})

    def _walk(self, directory: int, prefix: str, found: dict[str, _Found]) -> None:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            try:
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    self._walk_into(name, directory, prefix, found)
                elif stat.S_ISREG(status.st_mode):
                    self._meet(name, directory, prefix, found, status)
            except FileNotFoundError:
                continue  # went while we looked

    def _walk_into(self, name: str, directory: int, prefix: str, found: dict[str, _Found]) -> None:
        inner = os.open(name, HERE | os.O_DIRECTORY, dir_fd=directory)
        try:
            self._walk(inner, f"{prefix}{name}/", found)
        finally:
            os.close(inner)

    def _meet(self, name: str, directory: int, prefix: str, found: dict[str, _Found], status: os.stat_result) -> None:
        path, signature = prefix + name, _Signature.of(status)
        known = self._found.get(path)
        if is_profile(path):
            found[path] = known if known and known.signature == signature else _Found(signature, _hash(name, directory))
        elif not self._files.listed and name.startswith(TEMPORARY[0]) and name.endswith(TEMPORARY[1]):
            with contextlib.suppress(OSError):  # left by one of us that was killed
                os.unlink(name, dir_fd=directory)


def _step(part: str, directory: int, make: bool) -> int:
    """Open a directory in a directory. Raises OSError: ELOOP for a symlink, ENOTDIR for a file in its place."""
    made = make and _made(part, directory)
    _refuse_link(part, directory)  # the kernel says ENOTDIR of a symlink, which hides what is wrong
    opened = os.open(part, HERE | os.O_DIRECTORY, dir_fd=directory)
    if made:
        os.fchmod(opened, DIRECTORY_MODE)  # whatever the umask
    return opened


def _made(part: str, directory: int) -> bool:
    try:
        os.mkdir(part, DIRECTORY_MODE, dir_fd=directory)
    except FileExistsError:
        return False
    os.fsync(directory)
    return True


def _refuse_link(name: str, directory: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _write_whole(name: str, data: bytes, directory: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, FILE_MODE, dir_fd=directory), "wb", buffering=0) as file:
        os.fchmod(file.fileno(), FILE_MODE)
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _hash(name: str, directory: int) -> str:
    try:
        with open(os.open(name, HERE | os.O_NONBLOCK, dir_fd=directory), "rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise
    except OSError:
        return UNREADABLE
