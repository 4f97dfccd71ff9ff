"""The doors to the world, and the ways they can fail. Two worlds implement them: the simulated and the real one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from spo.doors.lines import TAKE_BYTES, Batch
from spo.events import Event
from spo.intents import ClusterIntent, FileIntent
from spo.interest import Interest


class WorldError(Exception):
    """The world said no. Each subclass is named for what the caller can do about it."""


class Conflict(WorldError):
    """Someone wrote after we read, or the object came or went: decide again when the newer version is here."""


class Unavailable(WorldError):
    """No answer, or not now: it may or may not have happened. Decide afresh, later."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Forbidden(WorldError):
    """Our role lacks the right. Only an administrator can mend it: say so, try again later."""


class Invalid(WorldError):
    """The server will never take this: our own bug."""


class DiskError(WorldError):
    """The node's disk refused (`reason`: ENOSPC, EROFS, EIO, ELOOP, EACCES …); nothing half-written is left."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Cluster(Protocol):
    """The API server, as one role sees it."""

    def want(self, interest: Interest) -> None:
        """Start to list and watch; what is found comes out of `take`, ended for the first time by `Listed`.

        When lists and watches of it are refused or break off, `Deaf` comes, and `Listed` when all is heard again.
        """

    def take(self) -> Iterable[Event]:
        """All that was heard since the last call, in the order of each interest. Never waits."""

    def carry_out(self, intent: ClusterIntent) -> None:
        """Ask once. Raises Conflict, Unavailable, Forbidden or Invalid; the effect comes back as an event."""


class ProfileDirectory(Protocol):
    """A node's directory of profiles, to read and to write. Paths are relative to it and never leave it."""

    def take(self) -> Iterable[Event]:
        """`FileSeen` for what changed since we last looked (first: all, then `Listed(FileSeen)`). Looks every 10 s."""

    def carry_out(self, intent: FileIntent) -> None:
        """Write atomically, or remove. Raises DiskError; a write or removal comes back as `FileSeen`."""


class LineReader(Protocol):
    """Lines of a node that are only ever added to, from a position on.

    For what follows a node's audit log, or a spool file that another container of the pod appends to. The daemon has no
    such door, and nobody opens one yet: `tests/conformance/lines` says what it promises.
    """

    def take(self, size_max: int = TAKE_BYTES) -> Batch:
        """The next whole lines, of at most so many bytes; none: there are no more now. Never waits.

        Raises DiskError, after which it can be tried again: nothing is skipped.
        """

    def close(self) -> None:
        """Let go of the file."""


class LineWriter(Protocol):
    """A spool file, for the one who appends to it. It has no more power than that, and a reader has none to write."""

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines. Raises DiskError: then none of them is there (a reader that was quicker tells of a cut-off file).

        If we are killed meanwhile the first of them may be there, each whole; a torn one is no line, and is taken away
        before the next is added. What a disk has not written when the power fails is lost.
        """


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970."""
