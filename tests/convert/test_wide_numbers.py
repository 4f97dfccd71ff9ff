"""Numbers above 2^63-1 are said with smaller ones, to the same effect, or refused."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spo.convert.wide_numbers import VALUE_MAX, narrowed
from spo.model.seccomp import OPERATORS, Argument, Syscall
from spo.sim.node.kernel import Filter, load

ALLOW, LOG, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO"
ALL = (1 << 64) - 1
TOP = 1 << 63
WORD = 1 << 32


def arg(op: str, value: int, value_two: int = 0, index: int = 0) -> Argument:
    return Argument(index, f"SCMP_CMP_{op}", value, value_two)


def block(first: int, size: int, index: int = 0) -> Argument:
    """The values from `first` on, as a mask."""
    return arg("MASKED_EQ", ALL ^ (size - 1), first, index)


def reads(*args: Argument, action: str = ALLOW) -> Syscall:
    return Syscall(("read",), action, None, args)


def placed(rules: Sequence[Syscall]) -> list[tuple[str, Syscall]]:
    return [(f"syscalls[{number}]", rule) for number, rule in enumerate(rules)]


def said(*rules: Syscall, narrow: bool = False) -> list[tuple[Argument, ...]]:
    found = narrowed(placed(rules), narrow=narrow)
    assert found.refused == ()
    return [rule.args for rule in found.rules]


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ([reads(block(0, 8))], [(arg("LE", 7),)]),
        ([reads(block(0, 4)), reads(block(4, 2))], [(arg("LE", 5),)]),
        ([reads(arg("MASKED_EQ", TOP, TOP))], [(arg("GT", VALUE_MAX),)]),
        ([reads(arg("GE", TOP))], [(arg("GT", VALUE_MAX),)]),
        ([reads(block(8, 4))], [(arg("EQ", value),) for value in (8, 9, 10, 11)]),
        ([reads(block(2, 2)), reads(arg("EQ", 0)), reads(arg("GT", 3))], [(arg("NE", 1),)]),
        (
            [reads(block(0, 4), arg("EQ", 1, index=1)), reads(block(4, 4), arg("EQ", 1, index=1))],
            [(arg("LE", 7), arg("EQ", 1, index=1))],
        ),
    ],
)
def test_masks_with_the_highest_bit_are_said_as_the_ranges_they_are(
    rules: list[Syscall], wanted: list[tuple[Argument, ...]]
) -> None:
    assert said(*rules) == wanted


def test_rules_without_wide_numbers_stay_as_they_are() -> None:
    rules = [reads(arg("LE", 5)), reads(arg("LE", 7)), reads(arg("GE", VALUE_MAX))]
    assert said(*rules) == [rule.args for rule in rules]


def test_only_the_syscalls_and_the_effect_with_wide_numbers_are_said_otherwise() -> None:
    both = Syscall(("read", "write"), ALLOW, None, (arg("EQ", 5),))
    found = narrowed(placed([both, reads(block(0, 8)), reads(arg("LE", 9), action=LOG)]), narrow=False)
    assert found.rules == (
        Syscall(("write",), ALLOW, None, (arg("EQ", 5),)),
        reads(arg("LE", 7)),
        reads(arg("LE", 9), action=LOG),
    )
    assert found.rewritten == ("read",)


@pytest.mark.parametrize(
    "args",
    [
        (arg("EQ", TOP),),
        (arg("EQ", ALL),),
        (arg("NE", TOP),),
        (arg("LE", TOP),),
        (arg("GT", TOP),),
        (block(1 << 40, 1 << 40),),
        (arg("MASKED_EQ", TOP | 1, 1),),
        (block(1 << 20, 1 << 10), block(1 << 20, 1 << 10, index=1)),
    ],
)
def test_what_smaller_numbers_cannot_say_or_not_in_few_rules_is_refused_by_its_place(
    args: tuple[Argument, ...],
) -> None:
    assert narrowed(placed([reads(arg("LE", 5)), reads(*args)]), narrow=False).refused == ("syscalls[1]",)


def test_for_32_bits_only_what_fits_into_them_is_said_otherwise() -> None:
    assert said(reads(block(0, 8)), narrow=True) == [(arg("LE", 7),)]
    assert said(reads(block(0, WORD)), narrow=True) == [(arg("LE", WORD - 1),)]
    for wide in (block(0, 2 * WORD), arg("GE", TOP), arg("MASKED_EQ", TOP, TOP)):
        assert narrowed(placed([reads(wide)]), narrow=True).refused == ("syscalls[0]",)


VALUES = [0, 1, 2, 7, 8, WORD - 1, WORD, VALUE_MAX - 1, VALUE_MAX, TOP, TOP + 1, ALL - 1, ALL]
masks = st.sampled_from([ALL ^ (size - 1) for size in (1, 2, 4, 8, WORD, TOP)] + [0, 1, 3, TOP, TOP | 1, VALUE_MAX])
values = st.sampled_from(VALUES)
compared = st.builds(
    arg, st.sampled_from([op.removeprefix("SCMP_CMP_") for op in OPERATORS[:6]]), values, index=st.integers(0, 1)
)
masked = st.builds(arg, st.just("MASKED_EQ"), masks, values, st.integers(0, 1))
some = st.lists(
    st.lists(compared | masked, min_size=1, max_size=2).map(lambda args: reads(*args)), min_size=1, max_size=4
)


def meaning(rules: Sequence[Syscall]) -> Filter:
    written = [
        {
            "names": rule.names,
            "action": rule.action,
            "args": [{"index": a.index, "op": a.op, "value": a.value, "valueTwo": a.value_two} for a in rule.args],
        }
        for rule in rules
    ]
    return load(json.dumps({"defaultAction": ERRNO, "syscalls": written}).encode())


@settings(deadline=None)
@given(some, st.lists(st.tuples(values, values), min_size=1, max_size=20))
def test_what_is_said_otherwise_means_the_same_and_has_no_wide_number(
    rules: list[Syscall], asked: list[tuple[int, int]]
) -> None:
    found = narrowed(placed(rules), narrow=False)
    if found.refused:
        return
    assert all(max(each.value, each.value_two) <= VALUE_MAX for rule in found.rules for each in rule.args)
    before, after = meaning(rules), meaning(found.rules)
    for args in asked:
        assert before.verdict("read", args) == after.verdict("read", args)
