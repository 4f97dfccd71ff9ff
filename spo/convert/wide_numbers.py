"""Conditions with numbers that the API does not take, said with smaller ones where that can be.

OCI compares with 64 bits; the API's integers have a sign, and end at 2^63-1. Larger numbers are there mostly as masks
with the highest bit in them, which stand for a range: the operator's own files have them (`spo/render/conditions.py`).
All rules of a syscall with one effect are looked at together: ranges that touch become one, and that has an end at 0 or
at 2^64-1, or a gap of one value, or few values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from spo.model.seccomp import Argument, Syscall
from spo.render.conditions import ALL, WORD, Alternative, Bits, Values, alternatives_of

VALUE_MAX = (1 << 63) - 1
RULES_MAX = 256  # of one syscall

Place = str  # of a rule, by its field
Args = tuple[Argument, ...]


class Narrowed(Struct, frozen=True):
    """Rules without wide numbers, and syscalls whose rules have others now; or the rules that cannot be said so."""

    rules: tuple[Syscall, ...]
    rewritten: tuple[str, ...] = ()
    refused: tuple[Place, ...] = ()


def narrowed(rules: Sequence[tuple[Place, Syscall]], *, narrow: bool) -> Narrowed:
    """The same rules, without numbers above 2^63-1.

    `narrow`: they are for a 32-bit architecture, too, where only the lower half of a number counts.
    """
    wide = {(name, *_effect(rule)): place for place, rule in rules if _is_wide(rule) for name in rule.names}
    if not wide:
        return Narrowed(tuple(rule for _, rule in rules))
    instead: dict[tuple[str, str, int | str | None], list[Args]] = {}
    refused = []
    for key, place in wide.items():
        every = [rule.args for _, rule in rules if key[0] in rule.names and _effect(rule) == key[1:]]
        said = _said(alternatives_of(every), WORD if narrow else 1 << 63)
        if said is None:
            refused.append(place)
        else:
            instead[key] = said
    return Narrowed(tuple(_with(instead, rules)), tuple(dict.fromkeys(key[0] for key in instead)), tuple(refused))


def _effect(rule: Syscall) -> tuple[str, int | str | None]:
    return rule.action, rule.errno_ret


def _is_wide(rule: Syscall) -> bool:
    return any(max(arg.value, arg.value_two) > VALUE_MAX for arg in rule.args)


def _with(
    instead: dict[tuple[str, str, int | str | None], list[Args]], rules: Sequence[tuple[Place, Syscall]]
) -> Iterator[Syscall]:
    """The rules, and where one of a rewritten syscall comes for the first time, all of its new ones."""
    done = set()
    for _, rule in rules:
        action, errno = _effect(rule)
        kept = tuple(name for name in rule.names if (name, action, errno) not in instead)
        if kept:
            yield Syscall(kept, action, errno, rule.args)
        for name in rule.names:
            key = (name, action, errno)
            if key in instead and key not in done:
                done.add(key)
                yield from (Syscall((name,), action, errno, args) for args in instead[key])


def _said(alternatives: Sequence[Alternative], bound: int) -> list[Args] | None:
    """The alternatives as conditions of a SeccompProfile, None if they are none or too many."""
    found: list[Args] = []
    for each in alternatives:
        spelled = [_spelled(index, values, bound) for index, values in each]
        if not all(spelled) or len(found) + math.prod(map(len, spelled)) > RULES_MAX:
            return None
        found += itertools.product(*spelled)
    return found


def _spelled(index: int, values: Values, bound: int) -> list[Argument]:
    """Conditions of which one must hold, with numbers below `bound`; none if these values cannot be said so."""
    if isinstance(values, Bits):
        if values.mask > VALUE_MAX:
            return []  # (a mask below that is as its author wrote it)
        return [Argument(index, "SCMP_CMP_MASKED_EQ", values.mask, values.value)]
    if len(values) == 2 and (values[0][0], values[1][1]) == (0, ALL) and values[0][1] + 2 == values[1][0]:
        gap = values[0][1] + 1
        return [Argument(index, "SCMP_CMP_NE", gap)] if gap < bound else []
    found: list[Argument] = []
    for first, last in values:
        if last == ALL and first <= bound:
            found.append(Argument(index, "SCMP_CMP_GT", first - 1))
        elif first == 0 and last < bound:
            found.append(Argument(index, "SCMP_CMP_LE", last))
        elif last < bound and last - first < RULES_MAX:
            found += (Argument(index, "SCMP_CMP_EQ", value) for value in range(first, last + 1))
        else:
            return []
    return found
