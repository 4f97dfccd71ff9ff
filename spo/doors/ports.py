"""The doors to the world, and the ways they can fail. Two worlds implement them: `spo.sim` and `spo.real`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

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


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970."""
