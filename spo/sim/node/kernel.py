"""A seccomp filter as the kernel evaluates it: a verdict for a syscall and its arguments. Pure.

Sources: the OCI runtime specification ("Seccomp"), runc's translation of it for libseccomp, and seccomp(2). A rule with
the default action is left out, as runc does; a rule without conditions swallows those with conditions, as libseccomp
does; an argument index named twice in a rule means *or* (runc adds one rule a condition), other conditions
mean *and*. Where conditions on one syscall overlap, the higher argument is asked first, of one argument the later rule.

Compared with filters made by libseccomp 2.5.4 of random profiles: no difference in files as we write them (of several
rules that compare by size libseccomp loses some, see `spo/render/conditions.py`). Rules of different actions that
overlap on one argument can come out otherwise there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import Struct, field

EPERM = 1
ENOSYS = 38
SIGSYS = 31

Action = Literal["KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "NOTIFY", "TRACE", "LOG", "ALLOW"]

# Strongest first: with several filters the strongest verdict counts (seccomp(2), "RETURN VALUE").
PRECEDENCE: tuple[Action, ...] = (
    "KILL_PROCESS",
    "KILL_THREAD",
    "TRAP",
    "ERRNO",
    "NOTIFY",
    "TRACE",
    "LOG",
    "ALLOW",
)

ACTION_OF: dict[str, Action] = {
    "SCMP_ACT_KILL": "KILL_THREAD",
    "SCMP_ACT_KILL_THREAD": "KILL_THREAD",
    "SCMP_ACT_KILL_PROCESS": "KILL_PROCESS",
    "SCMP_ACT_TRAP": "TRAP",
    "SCMP_ACT_ERRNO": "ERRNO",
    "SCMP_ACT_NOTIFY": "NOTIFY",
    "SCMP_ACT_TRACE": "TRACE",
    "SCMP_ACT_LOG": "LOG",
    "SCMP_ACT_ALLOW": "ALLOW",
}

CODE_OF: dict[Action, int] = {  # SECCOMP_RET_*, as audit lines show it
    "KILL_PROCESS": 0x80000000,
    "KILL_THREAD": 0x00000000,
    "TRAP": 0x00030000,
    "ERRNO": 0x00050000,
    "NOTIFY": 0x7FC00000,
    "TRACE": 0x7FF00000,
    "LOG": 0x7FFC0000,
    "ALLOW": 0x7FFF0000,
}

_MASK = (1 << 64) - 1
_SIXTEEN_BITS = 0xFFFF


class BadProfile(Exception):
    """The runtime cannot make a filter of this profile; the message is runc's."""


class Decision(Struct, frozen=True):
    """What happens to a syscall; `errno` counts for ERRNO and TRACE."""

    action: Action
    errno: int = 0

    @property
    def lets_pass(self) -> bool:
        return self.action in ("ALLOW", "LOG")

    @property
    def kills(self) -> bool:
        """The process dies by SIGSYS (TRAP: unless it handles the signal, which programs rarely do)."""
        return self.action in ("KILL_PROCESS", "KILL_THREAD", "TRAP")

    @property
    def is_audited(self) -> bool:
        """LOG and KILL always leave a line; ERRNO only with flag LOG and a changed sysctl (docs/kernel.md 1)."""
        return self.action in ("LOG", "KILL_PROCESS", "KILL_THREAD")

    @property
    def code(self) -> int:
        return CODE_OF[self.action]


ALLOWED = Decision("ALLOW")


class Condition(Struct, frozen=True):
    index: int
    value: int
    op: str
    value_two: int = 0

    def holds(self, args: Sequence[int]) -> bool:
        given = (args[self.index] if self.index < len(args) else 0) & _MASK
        value = self.value & _MASK
        match self.op:
            case "SCMP_CMP_NE":
                return given != value
            case "SCMP_CMP_LT":
                return given < value
            case "SCMP_CMP_LE":
                return given <= value
            case "SCMP_CMP_EQ":
                return given == value
            case "SCMP_CMP_GE":
                return given >= value
            case "SCMP_CMP_GT":
                return given > value
            case _:  # SCMP_CMP_MASKED_EQ: value is the mask, under which valueTwo and the argument must be equal
                return given & value == self.value_two & value


OPERATORS = frozenset("SCMP_CMP_" + op for op in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"))


class FilterRule(Struct, frozen=True):
    verdict: Decision
    conditions: tuple[Condition, ...] = ()

    def matches(self, args: Sequence[int]) -> bool:
        return all(condition.holds(args) for condition in self.conditions)


class Filter(Struct, frozen=True):
    """One loaded profile: the default, and the rules of each syscall in the order they are tried.

    `asks`: some rule leaves it to whoever listens at the socket `listener`.
    """

    default: Decision
    rules: dict[str, tuple[FilterRule, ...]] = field(default_factory=dict)
    asks: bool = False
    listener: str = ""

    def verdict(self, name: str, args: Sequence[int] = ()) -> Decision:
        for rule in self.rules.get(name, ()):
            if rule.matches(args):
                return rule.verdict
        return self.default


UNCONFINED = Filter(ALLOWED)


def strongest(verdicts: Iterable[Decision]) -> Decision:
    """What counts when several filters are loaded."""
    return min(verdicts, key=lambda verdict: PRECEDENCE.index(verdict.action), default=ALLOWED)


# -- from OCI JSON -----------------------------------------------------------------------------------------------------


class Argument(Struct, rename="camel"):
    """A condition, as it stands there."""

    index: int
    value: int
    op: str
    value_two: int = 0


class Entry(Struct, rename="camel"):
    """Rules that say the same of several syscalls."""

    names: list[str]
    action: str
    errno_ret: int | None = None
    args: list[Argument] | None = None


class Profile(Struct, rename="camel"):
    """A file, as runtimes read it."""

    default_action: str = ""
    default_errno_ret: int | None = None
    architectures: list[str] | None = None
    flags: list[str] | None = None
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: list[Entry] | None = None


@lru_cache(maxsize=256)  # the same file stands on thousands of nodes
def load(data: bytes) -> Filter:
    """What a file says, whether or not a runtime makes a filter of it (`seccomp_loading`). Raises BadProfile."""
    profile = decode(data)
    default = decision(profile.default_action, profile.default_errno_ret)
    rules: dict[str, list[FilterRule]] = {}
    for entry in profile.syscalls or ():
        verdict = decision(entry.action, entry.errno_ret)
        if verdict == default:
            continue
        for name in entry.names:
            rules.setdefault(name, []).extend(FilterRule(verdict, each) for each in conditions_of(entry))
    asks = any(entry.action == "SCMP_ACT_NOTIFY" for entry in profile.syscalls or ())
    return Filter(default, {name: _tried(of_one) for name, of_one in rules.items()}, asks, profile.listener_path)


def decode(data: bytes) -> Profile:
    """Raises BadProfile."""
    try:
        return msgspec.json.decode(data, type=Profile)
    except msgspec.MsgspecError as error:
        raise BadProfile(f"decoding seccomp profile failed: {error}") from error


def decision(action: str, errno: int | None) -> Decision:
    """What an action and its number mean; of the number 16 bits count. Raises BadProfile."""
    if action not in ACTION_OF:
        raise BadProfile(f"string {action} is not a valid action for seccomp")
    known = ACTION_OF[action]
    return Decision(known, (EPERM if errno is None else errno & _SIXTEEN_BITS) if known in ("ERRNO", "TRACE") else 0)


def conditions_of(entry: Entry) -> list[tuple[Condition, ...]]:
    """The conditions of each rule that one entry becomes."""
    conditions = []
    for arg in entry.args or ():
        if arg.op not in OPERATORS:
            raise BadProfile(f"string {arg.op} is not a valid operator for seccomp")
        if not 0 <= arg.index <= 5:
            raise BadProfile(f"cannot have seccomp argument with index {arg.index}")
        conditions.append(Condition(arg.index, arg.value, arg.op, arg.value_two))
    indexes = [condition.index for condition in conditions]
    if len(set(indexes)) < len(indexes):
        return [(condition,) for condition in conditions]
    return [tuple(conditions)]


def _tried(rules: list[FilterRule]) -> tuple[FilterRule, ...]:
    general = [rule for rule in rules if not rule.conditions]
    if general:
        return (general[0],)
    last_first = rules[::-1]
    return tuple(sorted(last_first, key=lambda rule: -max(each.index for each in rule.conditions)))
