from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from spo.model.seccomp import OPERATORS, Argument, Syscall
from spo.render.conditions import ALL, EQUALITY, UPWARD, Inexact, exact, values_of

ALLOW, LOG, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO"
WORD = 1 << 32
COMPARE = {
    "SCMP_CMP_NE": lambda given, arg: given != arg.value,
    "SCMP_CMP_LT": lambda given, arg: given < arg.value,
    "SCMP_CMP_LE": lambda given, arg: given <= arg.value,
    "SCMP_CMP_EQ": lambda given, arg: given == arg.value,
    "SCMP_CMP_GE": lambda given, arg: given >= arg.value,
    "SCMP_CMP_GT": lambda given, arg: given > arg.value,
    "SCMP_CMP_MASKED_EQ": lambda given, arg: given & arg.value == arg.value_two & arg.value,
}
EDGES = [0, 1, 2, 7, 8, 40, (1 << 31), WORD - 1, WORD, WORD + 8, (1 << 63) - 1, 1 << 63, ALL - 1, ALL]


def conditions(edges: Sequence[int]) -> st.SearchStrategy[Argument]:
    value = st.sampled_from(edges)
    return st.builds(Argument, index=st.integers(0, 2), op=st.sampled_from(OPERATORS), value=value, value_two=value)


def lists(edges: Sequence[int], actions: Sequence[str] = (ALLOW,)) -> st.SearchStrategy[tuple[Syscall, ...]]:
    """Rules of one syscall. An argument may be named twice in one."""
    args = st.lists(conditions(edges), min_size=1, max_size=2).map(tuple)
    one = st.builds(Syscall, st.just(("read",)), st.sampled_from(actions), st.none(), args)
    return st.lists(one, min_size=1, max_size=4).map(tuple)


def calls(edges: Sequence[int]) -> st.SearchStrategy[list[tuple[int, ...]]]:
    """Values at the edges of the conditions, beside them, and any."""
    near = st.tuples(st.sampled_from(edges), st.sampled_from([-1, 0, 1])).map(lambda pair: sum(pair) % (max(edges) + 1))
    return st.lists(st.tuples(*[near | st.integers(0, max(edges))] * 3), min_size=1, max_size=40)


def matches(args: Sequence[Argument], call: Sequence[int]) -> bool:
    """All conditions hold; of one argument that is named twice, runtimes take any (runc)."""
    how = any if len({arg.index for arg in args}) < len(args) else all
    return how(COMPARE[arg.op](call[arg.index], arg) for arg in args)


def actions_of(rules: Iterable[Syscall], call: Sequence[int]) -> set[str]:
    return {rule.action for rule in rules if matches(rule.args, call)}


def written(rules: tuple[Syscall, ...], default: str = ERRNO, architectures: Sequence[str] = ()) -> tuple[Syscall, ...]:
    try:
        return exact(rules, default, architectures)
    except Inexact:
        assume(False)
        raise


def is_kept(args: Sequence[Argument]) -> bool:
    """libseccomp keeps such a rule among others, see tests/kernel/test_union.py."""
    last = max(arg.index for arg in args)
    twice = len({arg.index for arg in args}) < len(args)
    return all(arg.op in (EQUALITY | UPWARD if twice or arg.index == last else EQUALITY) for arg in args)


@settings(max_examples=200, deadline=None)
@given(rules=lists(EDGES), asked=calls(EDGES))
def test_what_is_written_again_means_the_same(rules: tuple[Syscall, ...], asked: list[tuple[int, ...]]) -> None:
    found = written(rules)
    for call in asked:
        assert actions_of(found, call) == actions_of(rules, call), call


@settings(max_examples=200, deadline=None)
@given(rules=lists(EDGES, (ALLOW, LOG)), asked=calls(EDGES))
def test_of_several_actions_each_stays_with_its_calls(rules: tuple[Syscall, ...], asked: list[tuple[int, ...]]) -> None:
    found = written(rules)
    for call in asked:
        assert actions_of(found, call) == actions_of(rules, call), call


@settings(max_examples=200, deadline=None)
@given(rules=lists(EDGES, (ALLOW, LOG)))
def test_of_several_rules_each_is_one_that_libseccomp_keeps(rules: tuple[Syscall, ...]) -> None:
    found = written(rules)
    conditional = [rule for rule in found if rule.args]
    if len(found) == len(conditional) > 1:
        assert all(is_kept(rule.args) for rule in found)


@settings(max_examples=200, deadline=None)
@given(rules=lists([edge for edge in EDGES if edge < WORD]), asked=calls([edge for edge in EDGES if edge < WORD]))
def test_it_means_the_same_where_only_the_lower_half_of_a_condition_is_seen(
    rules: tuple[Syscall, ...], asked: list[tuple[int, ...]]
) -> None:
    """libseccomp on 32-bit architectures; a mask of the upper half must not become a rule that always matches."""
    found = written(rules, architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"))
    halves = [Syscall(rule.names, rule.action, None, tuple(half(arg) for arg in rule.args)) for rule in found]
    for call in asked:
        assert actions_of(halves, call) == actions_of(rules, call), call


def half(arg: Argument) -> Argument:
    return Argument(arg.index, arg.op, arg.value % WORD, arg.value_two % WORD)


@given(each=conditions(EDGES), asked=st.integers(0, ALL) | st.sampled_from(EDGES))
def test_the_values_of_a_condition_are_those_for_which_it_holds(each: Argument, asked: int) -> None:
    values = values_of(each)
    if isinstance(values, tuple):
        assert any(first <= asked <= last for first, last in values) is COMPARE[each.op](asked, each)
        assert all(last + 1 < first for (_, last), (first, _) in pairwise(values))
    else:
        assert (asked & values.mask == values.value) is COMPARE[each.op](asked, each)


# -- examples --------------------------------------------------------------------------------------------------------


def rule(*args: Argument, action: str = ALLOW, names: Sequence[str] = ("socket",)) -> Syscall:
    return Syscall(tuple(names), action, None, args)


def where(op: str, value: int, index: int = 0, value_two: int = 0) -> Argument:
    return Argument(index, f"SCMP_CMP_{op}", value, value_two)


@pytest.mark.parametrize(
    "rules",
    [
        (),
        (rule(where("NE", 40)),),
        (rule(where("LT", 5), where("NE", 3, index=1)),),
        (rule(where("EQ", 0)), rule(where("MASKED_EQ", 8, value_two=8)), rule(where("EQ", 1), where("GT", 5, index=1))),
        (rule(where("EQ", 0), where("EQ", 8)),),
        (rule(), rule(where("LT", 5)), rule(where("NE", 5))),
        (rule(where("LT", 5)), rule(where("GE", 9), action=ERRNO)),
        (rule(where("LT", 5)), Syscall(("socket",), ERRNO, 1, (where("GE", 9),))),
    ],
)
def test_what_libseccomp_gets_right_stays_as_it_is(rules: tuple[Syscall, ...]) -> None:
    assert exact(rules, ERRNO, ()) == rules


@pytest.mark.parametrize(
    "rules",
    [
        (rule(where("LT", 5)), rule(where("GE", 5))),
        (rule(where("NE", 5)), rule(where("NE", 6))),
        (rule(where("LT", 5), where("NE", 3)),),
        (
            rule(where("EQ", 1), where("LE", 5, index=1)),
            rule(where("EQ", 1), where("GT", 5, index=1)),
            rule(where("NE", 1)),
        ),
    ],
)
def test_conditions_that_leave_nothing_out_become_none(rules: tuple[Syscall, ...]) -> None:
    assert exact(rules, ERRNO, ()) == (rule(),)


def test_a_rule_that_another_implies_is_left_out() -> None:
    wide, narrow = rule(where("LT", 10)), rule(where("LT", 5), where("NE", 1, index=2))
    assert exact((narrow, wide), ERRNO, ()) == (wide,)


def test_the_gap_that_dockers_profile_leaves_for_two_socket_families() -> None:
    rules = (rule(where("LT", 38)), rule(where("EQ", 39)), rule(where("GT", 40)))
    assert exact(rules, ERRNO, ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")) == (
        rule(where("EQ", 39)),
        rule(where("GT", 40)),
        rule(where("MASKED_EQ", ALL - 31, value_two=0)),
        rule(where("MASKED_EQ", ALL - 3, value_two=32)),
        rule(where("MASKED_EQ", ALL - 1, value_two=36)),
    )


def test_a_rule_that_is_said_twice_is_written_once() -> None:
    rules = (rule(where("NE", 5), names=("socket", "read")), rule(where("NE", 5)))
    assert exact(rules, ERRNO, ()) == (rule(where("NE", 5), names=("read",)), rule(where("NE", 5)))


def test_other_syscalls_of_the_same_rule_stay_where_they_are() -> None:
    rules = (rule(where("LT", 5), names=("socket", "read")), rule(where("LT", 9)))
    assert exact(rules, ERRNO, ()) == (rule(where("LT", 5), names=("read",)), rule(where("LT", 9)))


def test_conditions_that_never_hold_let_nothing_through() -> None:
    assert exact((rule(where("LT", 0)), rule(where("GT", ALL))), ERRNO, ()) == ()


def test_rules_that_one_without_conditions_swallows_are_left_out_where_libseccomp_would_mix_them_up() -> None:
    """Of the three alone it makes no tree, ever; behind the fourth it does not look at them."""
    odd = (rule(where("LE", 0), where("LE", 255, index=1)), rule(where("NE", 8), where("LE", 9, index=2)))

    assert exact((*odd, rule(action=LOG)), ERRNO, ()) == (rule(action=LOG),)
    assert exact((rule(action=LOG), *odd), ERRNO, ()) == (rule(action=LOG), *odd)


def test_where_syscalls_are_multiplexed_a_rule_without_conditions_swallows_none() -> None:
    odd = (rule(where("LE", 0), where("LE", 255, index=1)), rule(where("NE", 8), where("LE", 9, index=2)))

    assert exact((*odd, rule()), ERRNO, ("SCMP_ARCH_X86",)) == (rule(),)
    with pytest.raises(Inexact, match=r"socket has a rule without conditions .* on SCMP_ARCH_X86"):
        exact((*odd, rule(action=LOG)), ERRNO, ("SCMP_ARCH_X86",))
    other = tuple(replace(each, names=("mkdir",)) for each in (*odd, rule(action=LOG)))
    assert exact(other, ERRNO, ("SCMP_ARCH_X86",)) == other[-1:]


MUCH = (rule(where("NE", 5), where("NE", 6, index=1), where("NE", 7, index=2)), rule(where("EQ", 1, index=3)))


def test_what_would_outgrow_a_filter_is_refused_and_named() -> None:
    with pytest.raises(Inexact, match="socket"):
        exact(MUCH, ERRNO, ())


def test_many_syscalls_outgrow_it_together() -> None:
    some = (rule(where("NE", 5), where("EQ", 6, index=1)), rule(where("EQ", 7, index=2)))
    names = [f"call_{number}" for number in range(9)]
    exact(tuple(Syscall(tuple(names[:3]), each.action, None, each.args) for each in some), ERRNO, ())
    with pytest.raises(Inexact, match="call_"):
        exact(tuple(Syscall(tuple(names), each.action, None, each.args) for each in some), ERRNO, ())


def test_a_comparison_that_needs_the_upper_half_is_refused_for_32_bit_architectures() -> None:
    rules = (rule(where("GE", 5), where("EQ", 6, index=1)), rule(where("EQ", 7, index=2)))
    exact(rules, ERRNO, ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"))
    with pytest.raises(Inexact, match="32-bit"):
        exact(rules, ERRNO, ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"))


def test_two_actions_for_one_call_are_refused_where_writing_again_would_choose_between_them() -> None:
    with pytest.raises(Inexact, match="different actions"):
        exact((rule(where("LT", 5)), rule(where("EQ", 3), action=LOG)), ERRNO, ())
