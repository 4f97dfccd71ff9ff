"""Conditions on arguments, written so that libseccomp keeps every rule (B4).

libseccomp, which container runtimes load filters with, makes one tree of all rules of a syscall. As of 2.5.4 (measured
in tests/kernel/test_union.py) the tree is right where each rule asks for equality (EQ, MASKED_EQ), and of its highest
argument also GE or GT; and one rule alone may compare as it likes. Of several that compare otherwise it loses some, or
lets too much match; on several with NE it may never come back.

Rules of the other kind are written again, to say the same in words of the first: united, freed of what others imply,
then ranges as bit prefixes (at most 64 a bound); before a rule without conditions, which swallows them, they are left
out. What libseccomp gets right stays as its author wrote it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from spo.model.seccomp import NATIVE, Argument, Syscall
from spo.render.architectures import CARRIED, MULTIPLEXED, NARROW
from spo.render.not_renderable import NotRenderable
from spo.render.union import WITH_ERRNO, RuleEffect, RuleEffects, grouped, said

ALL = (1 << 64) - 1
WORD = 1 << 32
EPERM = 1  # what runtimes take where a rule names no error number

EQUALITY = frozenset({"SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ"})
UPWARD = frozenset({"SCMP_CMP_GE", "SCMP_CMP_GT"})

# A filter has 4096 instructions at most (linux/filter.h, BPF_MAXINSNS), over all its architectures. A condition takes
# five, measured; a quarter of the filter is left to the rules that are not written again.
INSTRUCTIONS_MAX = 3072
INSTRUCTIONS_A_CONDITION = 6

Range = tuple[int, int]  # both ends are in it


class Bits(Struct, frozen=True):
    """The values that have `value` under `mask`."""

    mask: int
    value: int


Values = tuple[Range, ...] | Bits  # ranges: ascending, and neither touching nor empty
Alternative = tuple[tuple[int, Values], ...]  # argument and what it may be; all must hold

EVERYTHING: Values = ((0, ALL),)


class Inexact(NotRenderable):
    """These conditions cannot be written so that libseccomp keeps them; the message says of which syscall, and why."""


def exact(rules: Sequence[Syscall], default_action: str, architectures: Iterable[str]) -> tuple[Syscall, ...]:
    """Rules that mean under libseccomp what `rules` say. Raises Inexact.

    Syscalls whose rules libseccomp gets right stay where and as they are; the others follow at the end, grouped.
    """
    if not any(rule.args for rule in rules):
        return tuple(rules)
    listed = frozenset(architectures) - {NATIVE}
    narrow = bool(listed & NARROW)  # what a mask asks of the upper half holds there for any value
    room = INSTRUCTIONS_MAX // INSTRUCTIONS_A_CONDITION // (len(listed) + 1)  # runtimes add the node's own
    written: dict[str, RuleEffects] = {}
    for name, verdicts in sorted(said(rules).items()):
        heard = [verdict for verdict in verdicts if effect_of(verdict) != effect_of(RuleEffect(default_action))]
        if not _is_right(heard):
            _refuse_general_behind_others(name, heard, listed)
            general = next((verdict for verdict in heard if not verdict.args), None)
            written[name] = _written(name, heard, narrow, room) if general is None else (general,)
            room -= sum(len(verdict.args) for verdict in written[name])
    if not written:
        return tuple(rules)
    rest = (replace(rule, names=tuple(name for name in rule.names if name not in written)) for rule in rules)
    return (*(rule for rule in rest if rule.names), *grouped(written))


def alternatives_of(rules: Iterable[Sequence[Argument]]) -> list[Alternative]:
    """What a call must be like for one of these rules of a syscall to match it, in few alternatives."""
    return _needed(_united([_alternative(args) for each in rules for args in loaded(each)]))


def effect_of(verdict: RuleEffect) -> tuple[str, int | None]:
    """What a rule does, as runtimes see it: they leave out those that do what the default does."""
    action = "SCMP_ACT_KILL_THREAD" if verdict.action == "SCMP_ACT_KILL" else verdict.action
    errno = EPERM if verdict.errno_ret is None else verdict.errno_ret
    return action, errno if action in WITH_ERRNO else None


def _is_right(verdicts: Sequence[RuleEffect]) -> bool:
    """Does libseccomp keep these rules of one syscall? What stands behind one without conditions never comes in."""
    before = itertools.takewhile(lambda verdict: verdict.args, verdicts)
    every = [args for verdict in before for args in loaded(verdict.args)]
    return len(every) < 2 or all(_is_equality(args) for args in every)


def loaded(args: Sequence[Argument]) -> list[list[Argument]]:
    """The rules that runtimes make of one: an argument that is named twice means *or*, and then all conditions do."""
    if len({arg.index for arg in args}) < len(args):
        return [[arg] for arg in args]
    return [sorted(args, key=lambda arg: arg.index)]


def _is_equality(args: Sequence[Argument]) -> bool:
    return all(arg.op in EQUALITY for arg in args[:-1]) and args[-1].op in EQUALITY | UPWARD


def _refuse_general_behind_others(name: str, verdicts: Sequence[RuleEffect], listed: frozenset[str]) -> None:
    """Where a syscall is multiplexed, a rule without conditions has one, and swallows nothing that does otherwise."""
    carrying = sorted(listed & MULTIPLEXED) if name in CARRIED else []
    before: set[tuple[str, int | None]] = set()
    for verdict in verdicts:
        if carrying and not verdict.args and before - {effect_of(verdict)}:
            raise Inexact(
                f"{name} has a rule without conditions behind others with conditions and other actions, which "
                f"libseccomp does not take together on {carrying[0]}"
            )
        before.add(effect_of(verdict))


# -- what rules mean -------------------------------------------------------------------------------------------------


def _written(name: str, verdicts: Sequence[RuleEffect], narrow: bool, room: int) -> RuleEffects:
    """The rules of one syscall in words that libseccomp keeps."""
    author = {_alternative(args): replace(each, args=tuple(args)) for each in verdicts for args in loaded(each.args)}
    of_effect: dict[tuple[str, int | None], tuple[RuleEffect, list[Alternative]]] = {}
    for verdict in verdicts:
        alternatives = of_effect.setdefault(effect_of(verdict), (verdict, []))[1]
        alternatives += [_alternative(args) for args in loaded(verdict.args)]
    united = [(verdict, _united(every)) for verdict, every in of_effect.values()]
    if sum(len(every) for _, every in united) > room:
        raise _outgrown(name)
    meant = [(verdict, each) for verdict, every in united for each in _needed(every)]
    _refuse_contradictions(name, meant)
    if len(meant) == 1 and meant[0][1] in author:
        return (author[meant[0][1]],)
    written: list[RuleEffect] = []
    for verdict, each in meant:
        spelled = [_spelled(name, *one, highest=one is each[-1], narrow=narrow) for one in each]
        room -= math.prod(map(len, spelled)) * len(spelled)
        if room < 0:
            raise _outgrown(name)
        written += [replace(verdict, args=args) for args in itertools.product(*spelled)]
    return tuple(written)


def _outgrown(name: str) -> Inexact:
    return Inexact(
        f"{name} has rules with conditions that libseccomp mixes up, and too many to be written so that it does not"
    )


def _alternative(args: Iterable[Argument]) -> Alternative:
    return tuple((arg.index, values) for arg in args if (values := values_of(arg)) != EVERYTHING)


def values_of(arg: Argument) -> Values:
    """The values that a condition lets its argument have."""
    value = arg.value
    match arg.op:
        case "SCMP_CMP_LT":
            return _joined([(0, value - 1)])
        case "SCMP_CMP_LE":
            return _joined([(0, value)])
        case "SCMP_CMP_EQ":
            return _joined([(value, value)])
        case "SCMP_CMP_GE":
            return _joined([(value, ALL)])
        case "SCMP_CMP_GT":
            return _joined([(value + 1, ALL)])
        case "SCMP_CMP_NE":
            return _joined([(0, value - 1), (value + 1, ALL)])
        case _:  # SCMP_CMP_MASKED_EQ
            bits = Bits(value & ALL, arg.value_two & value & ALL)
            return (_hull(bits),) if _is_prefix(bits.mask) else bits


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    found: list[Range] = []
    for first, last in sorted(each for each in ranges if each[0] <= each[1]):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _is_prefix(mask: int) -> bool:
    """Ones above zeros: such bits are a range."""
    rest = mask ^ ALL
    return rest & (rest + 1) == 0


def _hull(bits: Bits) -> Range:
    return bits.value, bits.value | (bits.mask ^ ALL)


def _prefixes(values: Values) -> Iterator[Bits]:
    """The same values as bits: the fewest prefixes that make up each range."""
    if isinstance(values, Bits):
        yield values
        return
    for first, last in values:
        while first <= last:
            # The largest aligned block that starts here, and one that still fits.
            size = min(first & -first or 1 << 64, 1 << ((last - first + 1).bit_length() - 1))
            yield Bits(ALL ^ (size - 1), first)
            first += size


# -- what of it is needed --------------------------------------------------------------------------------------------


def _united(alternatives: Iterable[Alternative]) -> list[Alternative]:
    """The same in fewer, where some differ in one argument only; without what cannot be."""
    found = list(dict.fromkeys(each for each in alternatives if all(values for _, values in each)))
    size = -1
    while size != (size := sum(map(len, found)) + len(found)):
        for index in range(6):
            found = _united_in(found, index)
    return found


def _needed(alternatives: Sequence[Alternative]) -> list[Alternative]:
    """Those that no other implies. No two are equal."""
    return [
        each for each in alternatives if not any(_implies(each, other) for other in alternatives if other is not each)
    ]


def _united_in(alternatives: Iterable[Alternative], index: int) -> list[Alternative]:
    """Alternatives that differ in ranges of one argument only become one, which asks nothing of it if that is all."""
    ranges_beside: dict[Alternative, list[Range]] = {}
    found: list[Alternative] = []
    for each in alternatives:
        values = dict(each).get(index)
        if isinstance(values, tuple):
            ranges_beside.setdefault(tuple(one for one in each if one[0] != index), []).extend(values)
        else:
            found.append(each)
    for beside, ranges in ranges_beside.items():
        joined = _joined(ranges)
        own = () if joined == EVERYTHING else ((index, joined),)
        found.append(tuple(sorted((*beside, *own), key=lambda one: one[0])))
    return list(dict.fromkeys(found))


def _implies(narrower: Alternative, wider: Alternative) -> bool:
    asked = dict(narrower)
    return all(index in asked and _within(asked[index], values) for index, values in wider)


def _within(inner: Values, outer: Values) -> bool:
    """Is each value of `inner` one of `outer`? Of bits in ranges a no may be wrong: then a rule too many is kept."""
    if isinstance(outer, Bits):
        return all(
            each.mask & outer.mask == outer.mask and each.value & outer.mask == outer.value for each in _prefixes(inner)
        )
    ranges = (_hull(inner),) if isinstance(inner, Bits) else inner
    return all(any(low <= first and last <= high for low, high in outer) for first, last in ranges)


def _refuse_contradictions(name: str, meant: Sequence[tuple[RuleEffect, Alternative]]) -> None:
    """Of rules that do different things on one call any may count, and by writing them again another would."""
    for (verdict, each), (other, its) in itertools.combinations(meant, 2):
        if verdict is not other and not any(
            one == two and not _meet(values, others) for one, values in each for two, others in its
        ):
            raise Inexact(
                f"{name} has rules with different actions, {verdict.action} and {other.action}, for one call: of those "
                f"that compare by size, no two may meet"
            )


def _meet(one: Values, other: Values) -> bool:
    """Is there a value in both?"""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return any(first <= high and low <= last for first, last in one for low, high in other)
    return any(
        mine.mask & its.mask & (mine.value ^ its.value) == 0 for mine in _prefixes(one) for its in _prefixes(other)
    )


# -- how it is written -----------------------------------------------------------------------------------------------


def _spelled(name: str, index: int, values: Values, *, highest: bool, narrow: bool) -> list[Argument]:
    """Conditions of which one must hold. `highest`: no other argument of the rule is above this one."""
    if isinstance(values, Bits):
        return [Argument(index, "SCMP_CMP_MASKED_EQ", values.mask, values.value)]
    spelled: list[Argument] = []
    for first, last in values:
        if highest and last == ALL and first != last:
            # Not GE: of GE 2^32 a narrow architecture would ask for nothing.
            spelled.append(Argument(index, "SCMP_CMP_GT", first - 1))
            continue
        for bits in _prefixes(((first, last),)):
            if narrow and first != last and bits.value >= WORD:
                raise Inexact(
                    f"{name} has rules with conditions on argument {index} that cannot be written so that libseccomp "
                    f"keeps them on the 32-bit architectures of the profile"
                )
            single = bits.mask == ALL
            spelled.append(
                Argument(index, "SCMP_CMP_EQ", bits.value)
                if single
                else Argument(index, "SCMP_CMP_MASKED_EQ", bits.mask, bits.value)
            )
    return spelled
