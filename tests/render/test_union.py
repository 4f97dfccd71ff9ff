from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from spo.model.seccomp import LETTING_THROUGH, STRICT_TO_LAX, Argument, Syscall
from spo.render.union import LAXITY, union

ALLOW, LOG, ERRNO, KILL = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"

CALLS = [(first, second) for first in range(3) for second in range(3)]
COMPARE = {
    "SCMP_CMP_EQ": lambda value, arg: value == arg.value,
    "SCMP_CMP_NE": lambda value, arg: value != arg.value,
    "SCMP_CMP_GE": lambda value, arg: value >= arg.value,
    "SCMP_CMP_MASKED_EQ": lambda value, arg: value & arg.value == arg.value_two,
}

arguments = st.lists(
    st.builds(
        Argument,
        index=st.integers(0, 1),
        op=st.sampled_from(sorted(COMPARE)),
        value=st.integers(0, 2),
        value_two=st.integers(0, 1),
    ),
    max_size=2,
    unique_by=lambda arg: arg.index,
).map(tuple)
rules = st.lists(
    st.builds(
        Syscall,
        names=st.lists(st.sampled_from(["clone", "read", "socket"]), min_size=1, unique=True).map(tuple),
        action=st.sampled_from(STRICT_TO_LAX),
        errno_ret=st.none() | st.integers(0, 2),
        args=arguments,
    ),
    max_size=5,
).map(tuple)
actions = st.sampled_from(STRICT_TO_LAX)


def matching(rules: Iterable[Syscall], name: str, call: tuple[int, int]) -> list[str]:
    return [
        rule.action
        for rule in rules
        if name in rule.names and all(COMPARE[arg.op](call[arg.index], arg) for arg in rule.args)
    ]


def laxest(found: list[str], default: str) -> str:
    return max(found, key=LAXITY.__getitem__, default=default)


def strictest(found: list[str], default: str) -> str:
    return min(found, key=LAXITY.__getitem__, default=default)


def contradicts_itself(found: list[str]) -> bool:
    """A list that gives one call two actions means what a runtime makes of it: nothing can be promised about it."""
    return len(set(found)) > 1


@settings(max_examples=300, deadline=None)
@given(ours=rules, base=rules, default=actions)
def test_a_union_is_never_stricter_than_either_side_where_both_let_through(
    ours: tuple[Syscall, ...], base: tuple[Syscall, ...], default: str
) -> None:
    both = union(ours, base, default)
    for name in ("clone", "read", "socket"):
        for call in CALLS:
            mine, theirs = matching(ours, name, call), matching(base, name, call)
            if contradicts_itself(mine) or contradicts_itself(theirs) or not theirs:
                continue
            wanted = (laxest(mine, default), laxest(theirs, KILL))
            if all(action in LETTING_THROUGH for action in wanted):
                given = strictest(matching(both, name, call), default)
                assert LAXITY[given] >= max(LAXITY[action] for action in wanted), (name, call, wanted, given)


@settings(max_examples=300, deadline=None)
@given(ours=rules, base=rules, default=actions)
def test_a_union_lets_nothing_through_that_neither_side_does(
    ours: tuple[Syscall, ...], base: tuple[Syscall, ...], default: str
) -> None:
    both = union(ours, base, default)
    for name in ("clone", "read", "socket"):
        for call in CALLS:
            if laxest(matching(both, name, call), default) in LETTING_THROUGH:
                mine = laxest(matching(ours, name, call), default)
                theirs = laxest(matching(base, name, call), KILL)
                assert {mine, theirs} & LETTING_THROUGH, (name, call)


@given(ours=rules, default=actions)
def test_an_empty_base_changes_nothing(ours: tuple[Syscall, ...], default: str) -> None:
    both = union(ours, (), default)
    for name in ("clone", "read", "socket"):
        for call in CALLS:
            assert sorted(set(matching(both, name, call))) == sorted(set(matching(ours, name, call)))


@given(ours=rules, base=rules, default=actions)
def test_the_order_of_names_and_of_equal_rules_does_not_matter(
    ours: tuple[Syscall, ...], base: tuple[Syscall, ...], default: str
) -> None:
    turned = tuple(Syscall(rule.names[::-1], rule.action, rule.errno_ret, rule.args) for rule in ours)
    assert union(turned, base, default) == union(ours, base, default)


def test_syscalls_of_both_sides_are_listed_together_and_sorted() -> None:
    both = union([Syscall(("write", "exit"), ALLOW)], [Syscall(("read", "exit"), ALLOW)], ERRNO)
    assert both == (Syscall(("exit", "read", "write"), ALLOW),)


def test_the_less_restrictive_action_wins() -> None:
    assert union([Syscall(("read",), LOG)], [Syscall(("read",), ALLOW)], ERRNO) == (Syscall(("read",), ALLOW),)
    assert union([Syscall(("read",), ERRNO, 1)], [Syscall(("read",), KILL)], KILL) == (Syscall(("read",), ERRNO, 1),)


def test_without_conditions_on_one_side_there_are_none() -> None:
    only_zero = (Argument(0, "SCMP_CMP_EQ", 0),)
    both = union([Syscall(("socket",), ALLOW, args=only_zero)], [Syscall(("socket",), ALLOW)], ERRNO)
    assert both == (Syscall(("socket",), ALLOW),)


def test_conditions_of_both_sides_are_alternatives_not_one_rule() -> None:
    zero, one = (Argument(0, "SCMP_CMP_EQ", 0),), (Argument(0, "SCMP_CMP_EQ", 1),)
    both = union([Syscall(("socket",), ALLOW, args=zero)], [Syscall(("socket",), ALLOW, args=one)], ERRNO)
    assert both == (Syscall(("socket",), ALLOW, args=zero), Syscall(("socket",), ALLOW, args=one))


def test_a_refusal_on_top_of_an_allowing_default_stays() -> None:
    both = union(
        [Syscall(("clone",), ERRNO)], [Syscall(("clone",), ALLOW, args=(Argument(0, "SCMP_CMP_EQ", 0),))], ALLOW
    )
    assert both == (Syscall(("clone",), ERRNO),)


def test_a_refusal_leaves_no_second_action_for_the_same_conditions() -> None:
    """libseccomp makes no filter of two."""
    zero, one = Argument(0, "SCMP_CMP_EQ", 0), Argument(1, "SCMP_CMP_EQ", 1)
    refused = Syscall(("clone",), ERRNO, args=(zero, one))
    assert union([refused], [Syscall(("clone",), ALLOW, args=(one, zero))], LOG) == (refused,)


def test_a_base_that_logs_does_not_narrow_a_profile_that_allows_all() -> None:
    assert union([], [Syscall(("read",), LOG)], ALLOW) == ()


def test_an_error_number_of_zero_is_kept() -> None:
    assert union([Syscall(("read",), ERRNO, 0)], [Syscall(("write",), ERRNO)], KILL) == (
        Syscall(("read",), ERRNO, 0),
        Syscall(("write",), ERRNO),
    )
