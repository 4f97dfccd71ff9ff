"""The corridor: take in, mark due, decide, carry out, report.

Rules
    1. What we know came in as an event; what we did comes back as one. Nobody else writes into the cache.
    2. All news is taken in before anything is decided: the keys of one breath are decided on the same view.
    3. A plan is carried out in its order and stops at the first no (`WorldError`); it may be cut anywhere.
    4. A plan is never kept: what did not work is decided afresh.

Expected flow
    doors → event → cache → changes → marks → queue → due key → decide(view, key) → intents, one by one → outcome
    Done: the key's failures are forgotten. Failed: it is due again in 1 s, then 2, 4 … 60; not before the time that the
    server asked for, after Forbidden not before 30 s. News that marks the key, or the plan's `wake_at`, comes first.

Guarantees
    Nothing is decided before the first full list of all that the role reads. A failure of one key puts off that key
    only. Keys that are due together are decided in the order of kind, namespace and name. Each look at a key is
    reported once, with its plan and what came of it.

Assumptions
    A decision is pure, and takes so little time that news can wait. `take` never waits, `carry_out` never without end.
    Every interest has a mark, every kind of key a decision.

Does not
    repeat an intent by itself, know what a key stands for, or survive an exception that is no `WorldError`: that is a
    bug of ours, and ends the process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from spo.cache import Cache, Change, Index, View
from spo.doors.ports import Clock, Cluster, Conflict, Forbidden, ProfileDirectory, Unavailable, WorldError
from spo.events import FileSeen, Key
from spo.intents import Intent, Plan, RemoveFile, Tell, WriteFile
from spo.interest import Interest
from spo.observe.observer import Done, Failed, Observer, Outcome
from spo.queue import Queue

ADMIN_DELAY_S = 30.0  # what only an administrator can mend is not asked more often


class Decide(Protocol):
    def __call__(self, view: View, key: Key) -> Plan: ...


Mark = Callable[[View, Change], Iterable[Key]]


class Role(Struct, frozen=True):
    """What a process is made of: what it wants to know, which news makes which keys due, what it decides on them.

    News is told by the type that is kept of it (`FileSeen`: of files); what is decided about, by the kind of its key.
    `duties` are looked at from the start, whether or not there is an object of that name.
    `node_doors`: what it may do on its node, by the door's type; every role has the API server and a clock.
    `patience`: seconds that news may wait for more of it, because one look at a key sees all of them.
    """

    name: str
    interests: tuple[Interest, ...]
    indexes: tuple[Index[Any], ...]
    decisions: Mapping[str, Decide]  # by the kind of the key
    marks: Mapping[type[Any], Mark]  # by what is kept of what changed
    duties: tuple[Key, ...] = ()
    farewell: Callable[[View], Plan] | None = None  # what to do before an orderly end
    node_doors: tuple[type[Any], ...] = ()
    patience: Mapping[type[Any], float] = {}

    @property
    def knows_enough(self) -> Collection[type[Any]]:
        """That of which a full list must be in before anything is decided."""
        return [interest.keep for interest in self.interests] + [FileSeen] * (ProfileDirectory in self.node_doors)


class Loop:
    """One role at work in some world. Not told of a world's time or doors before they are handed in."""

    def __init__(
        self, role: Role, cluster: Cluster, directory: ProfileDirectory | None, clock: Clock, observer: Observer
    ) -> None:
        assert (directory is not None) == (ProfileDirectory in role.node_doors), f"{role.name}: not the doors it names"
        self.role = role
        self.cache = Cache(role.interests, role.indexes)
        self.queue = Queue()
        self._cluster = cluster
        self._directory = directory
        self._clock = clock
        self._observer = observer
        for interest in role.interests:
            cluster.want(interest)
        for key in role.duties:
            self.queue.add(key, 0.0)

    def tick(self) -> float | None:
        """One breath: take in everything new, act on everything due. Gives the time of the next wish."""
        now = self.cache.now = self._clock.now()
        self._take_in(now)
        if self.cache.knows(self.role.knows_enough):  # not knowing is not the same as knowing there is nothing
            for key in self.queue.pop_due(now):
                self._look_at(key, now)
            return self.queue.next()
        return None

    def leave(self) -> None:
        """An orderly end: say goodbye, once; if that fails, others find out by themselves."""
        if self.role.farewell is not None and self.cache.knows(self.role.knows_enough):
            self._carry_out(self.role.farewell(self.cache))

    def _take_in(self, now: float) -> None:
        events = [*self._cluster.take(), *(self._directory.take() if self._directory else ())]
        for event in events:
            mark, at = self.role.marks[event.keep], now + self.role.patience.get(event.keep, 0.0)
            for change in self.cache.apply(event):
                for key in mark(self.cache, change):
                    self.queue.add(key, at)

    def _look_at(self, key: Key, now: float) -> None:
        plan = self.role.decisions[key.kind](self.cache, key)
        outcome = self._carry_out(plan)
        self._observer.report(key, plan, outcome, now, self._cluster)
        if isinstance(outcome, Done):
            self.queue.succeeded(key)
        else:
            self.queue.failed(key, now, outcome.retry_after_s)
        if plan.wake_at is not None:
            self.queue.add(key, plan.wake_at)

    def _carry_out(self, plan: Plan) -> Outcome:
        for done, intent in enumerate(plan.intents):
            try:
                self._do(intent)
            except Conflict as error:  # the newer version is on its way, and decides; the delay is for when it is not
                return Failed(done, error)
            except Unavailable as error:
                return Failed(done, error, error.retry_after_s)
            except Forbidden as error:
                return Failed(done, error, ADMIN_DELAY_S)
            except WorldError as error:
                return Failed(done, error)
        return Done()

    def _do(self, intent: Intent) -> None:
        match intent:
            case Tell():
                self._observer.tell(intent, self.cache.now, self._cluster)
            case WriteFile() | RemoveFile():
                assert self._directory is not None
                self._directory.carry_out(intent)
            case _:
                self._cluster.carry_out(intent)
