"""What can become of things: each fate, with what it does. A new one is a class here, and a member of `Fate`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Generic, Protocol, TypeVar

from msgspec import Struct

from spo.sim.faults.sites import READS, WRITES, Crash, Operation, Site, begins

ERRNO = re.compile(r"E[A-Z0-9]+")

T = TypeVar("T")
Undo = Callable[[], None]


class BadPlan(ValueError):
    """A fault that cannot be; the message says which, in which field, and what can."""


class Attempt(Generic[T]):
    """One operation, and what a fate may do with it. Each site offers what the fates that are at home there need."""

    operation: Operation
    note = ""  # what had to be done otherwise than the fate says

    def do(self) -> T:
        """Let it happen; gives its answer."""
        raise NotImplementedError

    def unanswered(self) -> Exception:
        """What whoever asks is told when there is no answer."""
        raise NotImplementedError

    def conflict(self) -> T:
        """The answer that somebody else was faster."""
        raise NotImplementedError

    def late(self, seconds: float) -> T:
        """Let it happen, and its answer be late."""
        raise NotImplementedError

    def die(self) -> BaseException:
        """The death of whoever asks; where nobody can be killed, what is nearest to it, and a note."""
        return Crash(self.operation)

    def refused(self, reason: str) -> Exception:
        """The disk says no, for this errno."""
        raise NotImplementedError

    def tear(self, keep_bytes: int) -> None:
        """So many bytes of what was to be written stand there now."""
        raise NotImplementedError

    def break_off(self, gone: bool) -> T:
        """The stream ends here."""
        raise NotImplementedError


class Machine(Protocol):
    @property
    def lives(self) -> bool: ...


class Restartable(Protocol):
    def restart(self) -> None: ...


class Ground(Protocol):
    """A cluster, as far as it can be struck as a whole."""

    @property
    def nodes(self) -> Mapping[str, Machine]: ...
    @property
    def api(self) -> Restartable: ...
    def stop_node(self, name: str) -> None: ...
    def start_node(self, name: str) -> None: ...


class Clocks:
    """How far the clocks are ahead of the time, by pod or node."""

    def __init__(self) -> None:
        self._skews: list[tuple[str, float]] = []

    def ahead_s(self, *names: str) -> float:
        """Of the clock that goes by all these names."""
        if not self._skews:
            return 0.0
        return sum(ahead_s for who, ahead_s in self._skews if any(begins(name, who) for name in names))

    def put_ahead(self, who: str, ahead_s: float) -> Undo:
        """From now on; gives what puts them right again."""
        skew = (who, ahead_s)
        self._skews.append(skew)
        return lambda: self._skews.remove(skew)


def _named(name: str) -> str:
    return name[0].lower() + name[1:]


class _Base(Struct, frozen=True, tag=_named, forbid_unknown_fields=True):
    """`sites`: where it means something. `verbs`: of which operations there; empty: of all."""

    sites: ClassVar[tuple[Site, ...]]
    verbs: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        return _named(type(self).__name__)

    @property
    def words(self) -> str:
        """What becomes of it, as the end of a sentence."""
        raise NotImplementedError

    def objection(self, site: Site, what: str) -> str:
        """What else keeps it from meaning something there; empty: nothing."""
        return ""


class OfOperation(_Base, frozen=True):
    """Strikes one operation."""

    def befall(self, attempt: Attempt[T]) -> T:
        """Do it; gives the operation's answer, or raises what whoever asks is told."""
        raise NotImplementedError


class OfCluster(_Base, frozen=True):
    """Strikes the cluster, or all of a kind in it, at a time. Lasts `lasts_s`; 0: until the plan ends."""

    @property
    def lasts_s(self) -> float:
        return 0.0

    def begin(self, ground: Ground, clocks: Clocks, who: str) -> Undo:
        """Do it; gives what ends it."""
        raise NotImplementedError


def _nothing() -> None:
    """Nothing is left to be undone."""


def _need(fate: _Base, field: str, fits: bool, wanted: str) -> None:
    if not fits:
        raise BadPlan(f"{fate.name}: {field}: {getattr(fate, field)!r} is not {wanted}")


# -- of operations ---------------------------------------------------------------------------------------------------


class Refuse(OfOperation, frozen=True):
    """It never arrives."""

    sites = (Site.API, Site.DIRECTORY)
    words = "never arrives"

    def befall(self, attempt: Attempt[T]) -> T:
        raise attempt.unanswered()


class LoseReply(OfOperation, frozen=True):
    """It happens, and nobody is told."""

    sites = (Site.API, Site.DIRECTORY)
    words = "happens, but nobody is told"

    def befall(self, attempt: Attempt[T]) -> T:
        attempt.do()
        raise attempt.unanswered()


class ArriveTwice(OfOperation, frozen=True):
    """A proxy sends it a second time, and hands on the second answer."""

    sites = (Site.API,)
    verbs = tuple(verb for verb in READS + WRITES if verb != "watch")
    words = "arrives twice"

    def befall(self, attempt: Attempt[T]) -> T:
        attempt.do()
        return attempt.do()


class Conflict(OfOperation, frozen=True):
    """Somebody else was faster."""

    sites = (Site.API,)
    verbs = WRITES
    words = "is in conflict: somebody else was faster"

    def befall(self, attempt: Attempt[T]) -> T:
        return attempt.conflict()


class CrashBefore(OfOperation, frozen=True):
    """The asking program dies first."""

    sites = (Site.API, Site.DIRECTORY)
    words = "is not asked for: the program dies first"

    def befall(self, attempt: Attempt[T]) -> T:
        raise attempt.die()


class CrashAfter(OfOperation, frozen=True):
    """It happens, and the asking program dies before it can be told."""

    sites = (Site.API, Site.DIRECTORY)
    words = "happens, and the program dies right after"

    def befall(self, attempt: Attempt[T]) -> T:
        attempt.do()
        raise attempt.die()


class Delay(OfOperation, frozen=True):
    """It happens at once, and the answer comes late; an event of a watch comes late, and all after it."""

    seconds: float
    sites = (Site.API, Site.WATCH, Site.DIRECTORY)

    def __post_init__(self) -> None:
        _need(self, "seconds", 0 < self.seconds < math.inf, "a time after now")

    @property
    def words(self) -> str:
        return f"is answered {self.seconds:g} s late"

    def befall(self, attempt: Attempt[T]) -> T:
        return attempt.late(self.seconds)


class DiskFault(OfOperation, frozen=True):
    """The disk says no. A torn write (`keep_bytes` from 0 on) leaves that much of the new content behind."""

    reason: str = "EIO"  # an errno's name
    keep_bytes: int = -1
    sites = (Site.DISK, Site.DIRECTORY)

    def __post_init__(self) -> None:
        _need(self, "reason", ERRNO.fullmatch(self.reason) is not None, "an errno's name, such as ENOSPC")
        _need(self, "keep_bytes", self.keep_bytes >= -1, "a number of bytes, or -1 for a write that is not torn")

    @property
    def words(self) -> str:
        return f"fails with {self.reason}" + (f", torn after {self.keep_bytes} bytes" if self.keep_bytes >= 0 else "")

    def objection(self, site: Site, what: str) -> str:
        torn_in_vain = self.keep_bytes >= 0 and (site, what) != (Site.DISK, "write")
        return f"only a write at {Site.DISK.value} can be torn: say so, or leave keep_bytes out" if torn_in_vain else ""

    def befall(self, attempt: Attempt[T]) -> T:
        if self.keep_bytes >= 0:
            attempt.tear(self.keep_bytes)
        raise attempt.refused(self.reason)


class WatchBreaks(OfOperation, frozen=True):
    """The stream ends before the event; `gone`: with 410, so that the watcher must list again."""

    gone: bool = False
    sites = (Site.WATCH,)

    @property
    def words(self) -> str:
        return "does not come: the watch ends" + (" with 410" if self.gone else "")

    def befall(self, attempt: Attempt[T]) -> T:
        return attempt.break_off(self.gone)


# -- of the cluster --------------------------------------------------------------------------------------------------


class NodeOff(OfCluster, frozen=True):
    """The machine loses power, for so long (0: until the plan ends)."""

    for_s: float = 0.0
    sites = (Site.NODE,)

    def __post_init__(self) -> None:
        _need(self, "for_s", 0 <= self.for_s < math.inf, "a length of time")

    @property
    def words(self) -> str:
        return f"is off for {self.for_s:g} s" if self.for_s else "is off"

    @property
    def lasts_s(self) -> float:
        return self.for_s

    def begin(self, ground: Ground, clocks: Clocks, who: str) -> Undo:
        struck = [name for name, node in ground.nodes.items() if begins(name, who) and node.lives]
        for name in struck:
            ground.stop_node(name)

        def power_on() -> None:
            for name in struck:
                if name in ground.nodes:  # nobody took it away meanwhile
                    ground.start_node(name)

        return power_on


class ApiServerRestarts(OfCluster, frozen=True):
    """The process ends, and a new one begins on the same storage: every watch ends, and its cache is empty."""

    sites = (Site.API_SERVER,)
    words = "restarts"

    def begin(self, ground: Ground, clocks: Clocks, who: str) -> Undo:
        ground.api.restart()
        return _nothing


class ClockSkew(OfCluster, frozen=True):
    """The clock of a pod, or of all on a node, is so far ahead (or behind), for so long (0: until the plan ends)."""

    ahead_s: float
    for_s: float = 0.0
    sites = (Site.CLOCK,)

    def __post_init__(self) -> None:
        _need(self, "ahead_s", math.isfinite(self.ahead_s), "a number of seconds")
        _need(self, "for_s", 0 <= self.for_s < math.inf, "a length of time")

    @property
    def words(self) -> str:
        return f"is {self.ahead_s:g} s ahead" + (f" for {self.for_s:g} s" if self.for_s else "")

    @property
    def lasts_s(self) -> float:
        return self.for_s

    def begin(self, ground: Ground, clocks: Clocks, who: str) -> Undo:
        return clocks.put_ahead(who, self.ahead_s)


Fate = (
    Refuse
    | LoseReply
    | ArriveTwice
    | Conflict
    | CrashBefore
    | CrashAfter
    | Delay
    | DiskFault
    | WatchBreaks
    | NodeOff
    | ApiServerRestarts
    | ClockSkew
)
