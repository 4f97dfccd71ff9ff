"""A node's disk: files by absolute path, with the ways a real disk says no."""

from __future__ import annotations

import posixpath
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from spo.sim.faults import Gate, Operation, Site
from spo.sim.faults.fates import Attempt

T = TypeVar("T")

MESSAGES = {  # strerror(3) of each refusal
    "ENOENT": "no such file or directory",
    "ENOSPC": "no space left on device",
    "EROFS": "read-only file system",
    "EIO": "input/output error",
    "ELOOP": "too many levels of symbolic links",
    "EACCES": "permission denied",
    "EISDIR": "is a directory",
    "ENOTDIR": "not a directory",
    "ENAMETOOLONG": "file name too long",
}
NAME_MAX = 255  # bytes in one path component (limits.h)
PATH_MAX = 4096


class DiskRefused(Exception):
    """The disk said no: `reason` is the errno's name. Nothing changed, but for a torn write."""

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(f"{path}: {MESSAGES.get(reason, reason)}")
        self.reason = reason
        self.path = path


class DiskChange(NamedTuple):
    """What listeners hear: the path, and its bytes now (`None`: no longer there)."""

    path: str
    data: bytes | None


class _DiskAttempt(Attempt[T]):
    """One operation, as a fault may strike it."""

    def __init__(self, operation: Operation, do: Callable[[], T], tear: Callable[[int], None] | None) -> None:
        self.operation = operation
        self._do = do
        self._tear = tear

    def do(self) -> T:
        return self._do()

    def refused(self, reason: str) -> Exception:
        return DiskRefused(reason, self.operation.on)

    def tear(self, keep_bytes: int) -> None:
        assert self._tear is not None, "only a write can be torn"
        self._tear(keep_bytes)


class Disk:
    """Files and symlinks; a directory is there as long as something is in it, or once it was made.

    `node` is whose it is; at `gate` it asks what becomes of what it is asked.
    """

    __slots__ = ("_directories", "_files", "_gate", "_inodes", "_last_inode", "_links", "_listeners", "_node", "_paths")

    def __init__(self, node: str = "", gate: Gate | None = None) -> None:
        self._node = node
        self._gate = gate
        self._files: dict[str, bytes] = {}
        self._inodes: dict[str, int] = {}  # of those files that somebody asked about
        self._last_inode = 0
        self._links: dict[str, str] = {}
        self._paths: list[str] = []  # sorted paths of files and links
        self._directories: dict[str, int] = {}  # how many files, links and made directories are in each
        self._listeners: list[Callable[[DiskChange], None]] = []

    # -- files ---------------------------------------------------------------------------------------------------

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises DiskRefused: ENOENT, EISDIR, ELOOP, or what a fault says."""
        path = self._resolved(path)
        return self._struck("read", path, lambda: self._standing(path))

    def write(self, path: str, data: bytes) -> None:
        """Put these bytes there at once (temporary file, fsync, rename), all or nothing, unless a fault tears it."""
        path = self._resolved(path)
        if path in self._directories:
            raise DiskRefused("EISDIR", path)
        self._below_directories_only(path)
        self._struck("write", path, lambda: self._put(path, data), lambda keep: self._put(path, data[:keep]))

    def append(self, path: str, data: bytes) -> None:
        """Add these bytes to a file, or begin one with them; a fault that tears it leaves the first of them there."""
        path = self._resolved(path)
        if path in self._directories:
            raise DiskRefused("EISDIR", path)
        self._below_directories_only(path)
        before = self._files.get(path, b"")
        self._struck(
            "write", path, lambda: self._fill(path, before + data), lambda keep: self._fill(path, before + data[:keep])
        )

    def truncate(self, path: str, size: int) -> None:
        """Cut a file off; as a removal it asks for no space, so a full disk does it."""
        path = self._resolved(path)
        self._struck("remove", path, lambda: self._fill(path, self._standing(path)[:size]))

    def rename(self, path: str, to: str) -> None:
        """Give a file another name; what stood there is gone."""
        path, to = self._resolved(path), self._resolved(to)
        self._struck("remove", path, lambda: self._rename(path, to))

    def inode(self, path: str) -> int:
        """Which file it is, whatever it is called: a number that no other file of this disk ever had."""
        path = self._resolved(path)
        self._standing(path)
        if path not in self._inodes:
            self._last_inode += 1
            self._inodes[path] = self._last_inode
        return self._inodes[path]

    def remove(self, path: str) -> bool:
        """See to it that there is no file. True if there was one. Raises DiskRefused: EISDIR, or what a fault says."""
        path = self._lexical(path)
        self._resolved(posixpath.dirname(path))
        if path in self._directories:
            raise DiskRefused("EISDIR", path)
        return self._struck("remove", path, lambda: self._remove(path))

    def below(self, directory: str) -> Iterator[tuple[str, bytes]]:
        """Every file below a directory, in order of path; symlinks are not followed and not told."""
        self._struck("read", directory, lambda: None)
        yield from self.peek_below(directory)

    def peek_below(self, directory: str = "/") -> Iterator[tuple[str, bytes]]:
        """The same for whoever looks from outside the world: no fault strikes it."""
        prefix = directory.rstrip("/") + "/"
        first, last = bisect_left(self._paths, prefix), bisect_right(self._paths, prefix + "\U0010ffff")
        for path in self._paths[first:last]:
            if path in self._files:
                yield path, self._files[path]

    def peek(self, path: str) -> bytes | None:
        """The bytes of a file for whoever looks from outside the world: no fault strikes it."""
        try:
            return self._files.get(self._resolved(path))
        except DiskRefused:
            return None

    def exists(self, path: str) -> bool:
        path = self._lexical(path)
        return path in self._files or path in self._links or path in self._directories

    def is_link(self, path: str) -> bool:
        return self._lexical(path) in self._links

    def make_directory(self, path: str) -> None:
        """`mkdir -p`."""
        path = self._lexical(path)
        self._below_directories_only(path)
        if path not in self._directories:
            self._directories[path] = 0
            self._count(path, +1)

    def link(self, path: str, target: str) -> None:
        """Put a symlink there: what an attacker, or a thoughtless person, does. Nothing here ever follows one."""
        path = self._lexical(path)
        if path not in self._links and path not in self._files:
            insort(self._paths, path)
            self._count(path, +1)
        self._files.pop(path, None)
        self._inodes.pop(path, None)
        self._links[path] = target
        self._tell(path, None)

    def subscribe(self, listener: Callable[[DiskChange], None]) -> None:
        """Call `listener` after each change, whoever made it."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: Callable[[DiskChange], None]) -> None:
        self._listeners.remove(listener)

    def _struck(self, what: str, path: str, do: Callable[[], T], tear: Callable[[int], None] | None = None) -> T:
        """What comes of an operation, as its fate will have it. `tear` writes only so many bytes of the content."""
        if self._gate is None or not self._gate.armed:
            return do()
        return self._gate.strike(_DiskAttempt(Operation(Site.DISK, (self._node,), what, path), do, tear))

    # -- inside --------------------------------------------------------------------------------------------------

    def _rename(self, path: str, to: str) -> None:
        if to in self._directories:
            raise DiskRefused("EISDIR", to)
        self._below_directories_only(to)
        data, inode = self._standing(path), self.inode(path)
        self._take_away(path)
        self._inodes[to] = inode
        self._fill(to, data)

    def _remove(self, path: str) -> bool:
        if path not in self._files and path not in self._links:
            return False
        self._take_away(path)
        return True

    @staticmethod
    def _lexical(path: str) -> str:
        if not path.startswith("/"):
            raise ValueError(f"path {path!r} is not absolute")
        if len(path.encode()) > PATH_MAX or any(len(part.encode()) > NAME_MAX for part in path.split("/")):
            raise DiskRefused("ENAMETOOLONG", path)
        return posixpath.normpath(path)

    def _resolved(self, path: str) -> str:
        """The path, normalised; ELOOP if a symlink stands anywhere on it (O_NOFOLLOW all the way)."""
        path = self._lexical(path)
        if self._links:
            parts = path.split("/")
            for end in range(2, len(parts) + 1):
                if "/".join(parts[:end]) in self._links:
                    raise DiskRefused("ELOOP", path)
        return path

    def _below_directories_only(self, path: str) -> None:
        """ENOTDIR if a file, ELOOP if a symlink stands where the path has a directory."""
        parent = posixpath.dirname(path)
        while parent not in self._directories and parent != "/":
            if parent in self._files:
                raise DiskRefused("ENOTDIR", path)
            if parent in self._links:
                raise DiskRefused("ELOOP", path)
            parent = posixpath.dirname(parent)

    def _standing(self, path: str) -> bytes:
        data = self._files.get(path)
        if data is None:
            raise DiskRefused("EISDIR" if path in self._directories else "ENOENT", path)
        return data

    def _put(self, path: str, data: bytes) -> None:
        """A new file under this name, which another may have had."""
        self._inodes.pop(path, None)
        self._fill(path, data)

    def _fill(self, path: str, data: bytes) -> None:
        if path not in self._files:
            insort(self._paths, path)
            self._count(path, +1)
        self._files[path] = data
        self._tell(path, data)

    def _take_away(self, path: str) -> None:
        self._files.pop(path, None)
        self._links.pop(path, None)
        self._inodes.pop(path, None)
        del self._paths[bisect_left(self._paths, path)]
        self._count(path, -1)
        self._tell(path, None)

    def _count(self, path: str, by: int) -> None:
        """Keep the directories above a path: made with their first entry; they stay when empty, as on a real disk."""
        parent = posixpath.dirname(path)
        known = parent in self._directories
        self._directories[parent] = self._directories.get(parent, 0) + by
        if by > 0 and not known and parent != "/":
            self._count(parent, by)

    def _tell(self, path: str, data: bytes | None) -> None:
        for listener in self._listeners:
            listener(DiskChange(path, data))
