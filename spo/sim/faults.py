"""Bad luck: a fault is a rule on a door with a verdict. A list of rules is a fault plan, and is data."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")


class Verdict(Enum):
    """What becomes of a call at a door."""

    FINE = "fine"
    REFUSE = "refuse"  # it never arrives
    LOSE_REPLY = "lose reply"  # it happens, and nobody is told
    CONFLICT = "conflict"  # someone else was faster
    CRASH_BEFORE = "crash before"  # the caller dies first
    CRASH_AFTER = "crash after"  # the caller dies right after it happened


class Crash(BaseException):
    """The process dies here and now; nothing in it may catch this."""


class Operation(Struct, frozen=True):
    """A call as a rule sees it: who asks, at which door, for what."""

    who: str  # the pod's name
    door: str  # "cluster" or "disk"
    what: str  # the intent's type: "Create", "Patch", "WriteFile", or "List", "Watch"
    on: str  # "kind namespace/name", or a path


class Rule(Struct, frozen=True):
    """`verdict` for calls that match (empty: any): the `nth` of them, or one in `one_in` (1: each)."""

    verdict: Verdict
    door: str = ""
    what: str = ""
    who: str = ""  # how its pod's name begins
    on: str = ""
    nth: int = 0
    one_in: int = 0

    def matches(self, operation: Operation) -> bool:
        return (
            (not self.door or self.door == operation.door)
            and (not self.what or self.what == operation.what)
            and (not self.on or self.on == operation.on)
            and operation.who.startswith(self.who)
        )


class Luck:
    """Asked before each call at a door. Without rules nothing goes wrong."""

    def __init__(self, rng: random.Random, rules: tuple[Rule, ...] = ()) -> None:
        self._rng = rng
        self._counts: dict[int, int] = {}
        self._meanwhile: list[tuple[Rule, Callable[[], None]]] = []
        self.rules = rules
        self.calls = 0  # calls so far, for plans that cut at each of them

    def ask(self, operation: Operation) -> Verdict:
        self.calls += 1
        for entry in [entry for entry in self._meanwhile if entry[0].matches(operation)]:
            self._meanwhile.remove(entry)
            entry[1]()
        for place, rule in enumerate(self.rules):
            if rule.matches(operation):
                count = self._counts[place] = self._counts.get(place, 0) + 1
                if count == rule.nth or (rule.one_in and self._rng.randrange(rule.one_in) == 0):
                    return rule.verdict
        return Verdict.FINE

    def meanwhile(self, rule: Rule, act: Callable[[], None]) -> None:
        """Once, just before the next call that `rule` matches (its verdict does not count), somebody does `act`."""
        self._meanwhile.append((rule, act))

    def turns(self) -> None:
        """Bad luck ends."""
        self.rules = ()

    def pass_through(self, operation: Operation, do: Callable[[], T], refused: Exception, conflict: Exception) -> T:
        """Let `do` happen as luck has it; gives its answer. Raises what the verdict says."""
        verdict = self.ask(operation)
        if verdict is Verdict.CRASH_BEFORE:
            raise Crash(operation)
        if verdict is Verdict.REFUSE:
            raise refused
        if verdict is Verdict.CONFLICT:
            raise conflict
        answer = do()
        if verdict is Verdict.CRASH_AFTER:
            raise Crash(operation)
        if verdict is Verdict.LOSE_REPLY:
            raise refused
        return answer
