"""A fault and a plan of faults: pure data, checked when it is made, written as JSON or told in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import msgspec
from msgspec import Struct

from spo.sim.faults.fates import BadPlan, CrashAfter, CrashBefore, Fate, OfCluster
from spo.sim.faults.sites import VERBS, Operation, Site

COMPONENTS = ("system:kube-", "system:node")  # how the names of those begin who are no program in a pod


class Fault(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A rule: this becomes of these operations at a site, or of these parts of the cluster at a time.

    Of the operations that fit, each is struck, or the `nth`, or `every` third (`every=3`), or by chance `one_in` so
    many; at most `times` (0: without end). Times are seconds since the plan was set, or the fault was added to it.
    """

    site: Site
    fate: Fate
    who: str = ""  # how a name of whoever asks begins: pod, user, User-Agent, node. Empty: all but the cluster's own
    what: str = ""  # a verb of the site; empty: any
    on: str = ""  # how the object's place, or the path, begins: `Pod`, `Pod default`, `Pod default/web`, `/var/lib`
    nth: int = 0
    every: int = 0
    one_in: int = 0
    times: int = 0
    from_s: float = 0.0
    until_s: float = 0.0  # 0: for ever
    at_s: float = 0.0  # of what strikes the cluster; 0: at once

    def __post_init__(self) -> None:
        for check in CHECKS:
            if wrong := check(self):
                raise BadPlan(f"fault at {self.site.value}: {wrong}")

    def __str__(self) -> str:
        asked = " ".join(filter(None, (self.what, self.on and f"on {self.on}", self.who and f"by {self.who}")))
        how_often = (
            (self.nth, f"number {self.nth} of them"),
            (self.every, f"each {self.every} times"),
            (self.one_in > 1, f"one in {self.one_in}"),
            (self.times, f"at most {self.times} times"),
            (self.from_s, f"from {self.from_s:g} s"),
            (self.until_s, f"until {self.until_s:g} s"),
            (self.at_s, f"at {self.at_s:g} s"),
        )
        limits = ", ".join(text for holds, text in how_often if holds)
        whom = asked or "whoever asks"
        if isinstance(self.fate, OfCluster):
            whom = self.who or "all"
        return f"{self.site.value}: {whom} {self.fate.words}" + (f" ({limits})" if limits else "")

    def concerns(self, operation: Operation, since_s: float) -> bool:
        """Is it of the kind that may be struck, so long after the beginning?"""
        return (
            self.site is operation.site
            and self.from_s <= since_s
            and (not self.until_s or since_s < self.until_s)
            and (not self.fate.verbs or operation.what in self.fate.verbs)
            and operation.fits(self.who, self.what, self.on)
        )


class FaultPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """Faults in their order: of several that would strike one operation, the first does."""

    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults)) or "nothing goes wrong"

    def dump(self) -> bytes:
        """As JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def parse(cls, data: bytes | str) -> FaultPlan:
        """From JSON. Raises BadPlan."""
        try:
            return msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadPlan(f"plan of faults: {error}") from None


# -- what cannot be: each check names the field and the remedy, or says nothing ---------------------------------------


def _means_something_there(fault: Fault) -> str:
    if fault.site in fault.fate.sites:
        return ""
    there = ", ".join(fate.__name__ for fate in get_args(Fate) if fault.site in fate.sites)
    return f"fate: {type(fault.fate).__name__} means nothing there: choose one of {there}"


def _verb_is_known(fault: Fault) -> str:
    verbs = fault.fate.verbs or VERBS.get(fault.site, ())
    if not fault.what or fault.what in verbs:
        return ""
    return (
        f"what: {type(fault.fate).__name__} cannot become of {fault.what!r}: choose one of {', '.join(verbs) or 'none'}"
    )


def _fate_has_no_objection(fault: Fault) -> str:
    why = fault.fate.objection(fault.site, fault.what)
    return f"fate: {why}" if why else ""


def _counted_in_one_way(fault: Fault) -> str:
    numbers = (fault.nth, fault.every, fault.one_in, fault.times)
    if min(numbers) < 0:
        return "nth, every, one_in, times: a number of times is not below 0"
    ways = [name for name in ("nth", "every", "one_in") if getattr(fault, name)]
    return f"{', '.join(ways)}: these say different things: keep one of them" if len(ways) > 1 else ""


def _times_can_come(fault: Fault) -> str:
    if not all(0 <= each < float("inf") for each in (fault.from_s, fault.until_s, fault.at_s)):
        return "from_s, until_s, at_s: they are seconds since the plan began: 0 or more"
    if fault.until_s and fault.until_s <= fault.from_s:
        return f"until_s: {fault.until_s:g} is not after from_s, {fault.from_s:g}: make it larger, or leave it out"
    return ""


def _is_of_operations_or_of_the_cluster(fault: Fault) -> str:
    if not isinstance(fault.fate, OfCluster):
        return "at_s: operations have a span of time: say from_s and until_s" if fault.at_s else ""
    alien = [
        name for name in ("what", "on", "nth", "every", "one_in", "times", "from_s", "until_s") if getattr(fault, name)
    ]
    if alien:
        return f"{', '.join(alien)}: nobody asks for it there: say when with at_s, and how long in the fate"
    return "who: there is one API server: leave it out" if fault.site is Site.API_SERVER and fault.who else ""


def _can_die(fault: Fault) -> str:
    if fault.site is Site.API and isinstance(fault.fate, CrashBefore | CrashAfter) and fault.who.startswith(COMPONENTS):
        return f"who: {fault.who!r} runs in no pod, and cannot be killed: name a pod, or choose Refuse or LoseReply"
    return ""


CHECKS: tuple[Callable[[Fault], str], ...] = (
    _means_something_there,
    _verb_is_known,
    _fate_has_no_objection,
    _counted_in_one_way,
    _times_can_come,
    _is_of_operations_or_of_the_cluster,
    _can_die,
)
