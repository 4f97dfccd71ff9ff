"""A union of profiles is never stricter than either side, by libseccomp's verdicts; and the simulated kernel agrees.

Random profiles with conditions on arguments, of all operators, and random calls. Filters are compiled by libseccomp and
run here, so nothing needs root; it is a kernel test because it speaks of the library that container runtimes load
filters with.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from spo.model.meta import ObjectMeta
from spo.model.seccomp import OPERATORS, Argument, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.conditions import EQUALITY, INSTRUCTIONS_MAX, UPWARD, Inexact
from spo.render.resolve import Resolved, resolve
from spo.render.seccomp import render
from spo.sim.node.kernel import Decision, load
from spo.sim.node.kernel import Filter as Meaning
from tests.kernel.seccomp import FILTER_MAX, X86, X86_64, Filter, library

pytestmark = pytest.mark.kernel

EXAMPLES = 200
NAMES = ("read", "write", "socket")
ALLOW, LOG, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO"
LETTING_THROUGH = (LOG, ALLOW)
REFUSING = ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", ERRNO)
FREEST_FIRST = (0x7FFF0000, 0x7FFC0000)  # ALLOW, LOG; nobody answers the calls of TRACE and NOTIFY
# Few values, so that conditions and calls meet; beyond 32 bits too, where a comparison takes two words.
VALUES = [0, 1, 2, 8, 9, 0xFF, (1 << 31), (1 << 32) - 1, 1 << 32, (1 << 32) + 1, (1 << 63) - 1]
LOW = [value for value in VALUES if value < 1 << 32]
values = st.sampled_from(VALUES)


def conditions(
    operators: Sequence[str], count_max: int, asked: Sequence[int] = VALUES
) -> st.SearchStrategy[tuple[Argument, ...]]:
    value = st.sampled_from(asked)
    one = st.builds(Argument, index=st.integers(0, 2), op=st.sampled_from(operators), value=value, value_two=value)
    return st.lists(one, max_size=count_max, unique_by=lambda each: each.index).map(tuple)


several = st.lists(conditions(OPERATORS, 2), min_size=1, max_size=4)
single = st.lists(conditions(OPERATORS, 3), min_size=1, max_size=1)
low = st.lists(conditions(OPERATORS, 2, LOW), min_size=1, max_size=3)


def rules(actions: Sequence[str], of_one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Syscall, ...]]:
    """Rules that say one thing of each syscall, as often as they like: of two different, libseccomp takes any."""
    one = st.tuples(st.sampled_from(actions), of_one)
    return st.dictionaries(st.sampled_from(NAMES), one, max_size=4).map(
        lambda of: tuple(Syscall((name,), action, None, args) for name, (action, each) in of.items() for args in each)
    )


def profiles(
    name: str,
    actions: Sequence[str],
    default: str,
    of_one: st.SearchStrategy[Any] = several,
    base: str = "",
    architectures: tuple[str, ...] = (),
) -> st.SearchStrategy[SeccompProfile]:
    return rules(actions, of_one).map(
        lambda syscalls: SeccompProfile(
            SeccompProfileSpec(default, base_profile_name=base, syscalls=syscalls, architectures=architectures),
            ObjectMeta(name, "default"),
        )
    )


mine = profiles("mine", LETTING_THROUGH, ERRNO, base="base")
bases = profiles("base", LETTING_THROUGH, ERRNO)
anything = st.one_of(
    profiles("any", (*LETTING_THROUGH, *REFUSING), ERRNO, several | single),
    profiles("any", (*REFUSING, ALLOW), LOG, several | single),
)
narrow = profiles("narrow", LETTING_THROUGH, ERRNO, low, architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"))


def calls(value: st.SearchStrategy[int] = values) -> st.SearchStrategy[list[tuple[str, tuple[int, ...]]]]:
    args = st.tuples(*[value] * 3, *[st.just(0)] * 3)
    return st.lists(st.tuples(st.sampled_from(NAMES), args), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def lib() -> Any:
    return library()


def file_of(profile: SeccompProfile, base: SeccompProfile | None = None) -> bytes:
    """The file's bytes; an example that is refused, because it cannot be written exactly, says nothing here."""
    resolved = Resolved(profile, profile.spec.syscalls)
    if base is not None:
        resolved = resolve(profile, lambda namespace, name: base if name == "base" else None, "operator")
    assert resolved.problem is None
    try:
        return render(resolved)
    except Inexact:
        assume(False)
        raise


def written(profile: SeccompProfile) -> bytes:
    """The profile as its author wrote it."""
    rules = [
        {
            "names": rule.names,
            "action": rule.action,
            "args": [{"index": a.index, "op": a.op, "value": a.value, "valueTwo": a.value_two} for a in rule.args],
        }
        for rule in profile.spec.syscalls
    ]
    return json.dumps({"defaultAction": profile.spec.default_action, "syscalls": rules}).encode()


def meaning(profile: SeccompProfile) -> Meaning:
    """What the profile says, rule by rule, whatever a runtime makes of it."""
    return load(written(profile))


def compiled(lib: Any, file: bytes) -> Filter:
    made = Filter(lib, json.loads(file))
    assert len(made.program) <= FILTER_MAX
    return made


def code(verdict: Decision) -> int:
    return verdict.code | verdict.errno


def freedom(verdict: int) -> int:
    return -FREEST_FIRST.index(verdict) if verdict in FREEST_FIRST else -len(FREEST_FIRST)


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=mine, base=bases, asked=calls())
def test_a_union_is_never_stricter_than_either_side(
    lib: Any, profile: SeccompProfile, base: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    both = compiled(lib, file_of(profile, base))
    sides = [meaning(profile), meaning(base)]
    for name, args in asked:
        freest = max(freedom(code(side.verdict(name, args))) for side in sides)
        assert freedom(both.verdict(name, args)) >= freest, f"{name}{args} of {profile.spec} on {base.spec}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=mine, base=bases, asked=calls())
def test_a_union_lets_nothing_through_that_neither_side_does(
    lib: Any, profile: SeccompProfile, base: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    both = compiled(lib, file_of(profile, base))
    sides = [meaning(profile), meaning(base)]
    for name, args in asked:
        if freedom(both.verdict(name, args)) > -len(FREEST_FIRST):
            assert any(side.verdict(name, args).lets_pass for side in sides), f"{name}{args}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=anything, asked=calls())
def test_a_profile_means_under_libseccomp_what_it_says_and_the_simulated_kernel_agrees(
    lib: Any, profile: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    file = file_of(profile)
    real, simulated, meant = compiled(lib, file), load(file), meaning(profile)
    for name, args in asked:
        found = real.verdict(name, args)
        assert found == code(simulated.verdict(name, args)), f"{name}{args} of {json.loads(file)}"
        assert found == code(meant.verdict(name, args)), f"{name}{args} of {profile.spec}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=mine, base=bases, asked=calls())
def test_the_simulated_kernel_agrees_on_unions_too(
    lib: Any, profile: SeccompProfile, base: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    file = file_of(profile, base)
    real, simulated = compiled(lib, file), load(file)
    for name, args in asked:
        assert real.verdict(name, args) == code(simulated.verdict(name, args)), f"{name}{args} of {json.loads(file)}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=narrow, asked=calls(st.sampled_from(LOW)))
def test_where_libseccomp_sees_half_of_each_argument_nothing_becomes_freer_or_stricter(
    lib: Any, profile: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    """One rule alone stays as it is, and of LE on a later argument 32-bit libseccomp makes its opposite: not ours."""
    names = [name for rule in profile.spec.syscalls for name in rule.names]
    real, meant = compiled(lib, file_of(profile)), meaning(profile)
    for name, args in asked:
        if names.count(name) > 1 and name != "socket":  # which is a part of socketcall there
            wanted = code(meant.verdict(name, args))
            assert [real.verdict(name, args, each) for each in (X86_64, X86)] == [wanted] * 2, f"{name}{args}"


def is_kept(args: tuple[Argument, ...]) -> bool:
    last = max((arg.index for arg in args), default=0)
    return all(arg.op in (EQUALITY | UPWARD if arg.index == last else EQUALITY) for arg in args)


equality = st.lists(conditions(sorted(EQUALITY), 3), min_size=2, max_size=60)
upward = st.lists(conditions(OPERATORS, 3).filter(is_kept), min_size=2, max_size=6)


@settings(max_examples=EXAMPLES, deadline=None)
@given(each=equality | upward, asked=calls())
def test_libseccomp_keeps_all_rules_that_ask_for_equality_and_of_their_last_argument_upward(
    lib: Any, each: list[tuple[Argument, ...]], asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    """What `spo/render/conditions.py` stands on; such rules stay as they are."""
    profile = SeccompProfile(
        SeccompProfileSpec(ERRNO, syscalls=tuple(Syscall(NAMES, ALLOW, None, args) for args in each))
    )
    assert load(file_of(profile)) == meaning(profile)
    real, meant = compiled(lib, written(profile)), meaning(profile)
    for name, args in asked:
        assert real.verdict(name, args) == code(meant.verdict(name, args)), f"{name}{args} of {each}"


def test_of_two_rules_that_compare_by_size_libseccomp_may_lose_one(lib: Any) -> None:
    """Why conditions are written again, as of libseccomp 2.5.4: when this fails, the library is better."""
    small = Syscall(("read",), ALLOW, None, (Argument(0, "SCMP_CMP_LE", 0),))
    large = Syscall(("read",), ALLOW, None, (Argument(0, "SCMP_CMP_LE", (1 << 32) + 1),))
    profile = SeccompProfile(SeccompProfileSpec(ERRNO, syscalls=(small, large)), ObjectMeta("p", "default"))
    asked = [(value, 0, 0, 0, 0, 0) for value in (0, 1, 1 << 31, (1 << 32) + 1)]

    meant = [code(meaning(profile).verdict("read", args)) for args in asked]
    as_it_stands, as_we_write_it = (compiled(lib, file) for file in (written(profile), file_of(profile)))
    assert [as_it_stands.verdict("read", args) for args in asked] != meant
    assert [as_we_write_it.verdict("read", args) for args in asked] == meant


@pytest.mark.parametrize("architectures", [(), ("SCMP_ARCH_X86_64",), ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86")])
def test_as_many_conditions_as_are_written_again_fit_into_a_filter(lib: Any, architectures: tuple[str, ...]) -> None:
    """Of many syscalls in one profile, each with rules that take much room, as many as are not refused."""
    below = [Argument(0, "SCMP_CMP_LT", (1 << 32) - 1), Argument(1, "SCMP_CMP_GE", 10)]
    both = (Syscall(("x",), ALLOW, None, tuple(below)), Syscall(("x",), ALLOW, None, (Argument(2, "SCMP_CMP_EQ", 1),)))
    names = "read write close fstat lseek mmap mprotect munmap brk pread64".split()
    for count in range(1, len(names) + 1):
        syscalls = tuple(replace(rule, names=tuple(names[:count])) for rule in both)
        profile = SeccompProfile(SeccompProfileSpec(ERRNO, architectures=architectures, syscalls=syscalls))
        try:
            file = render(Resolved(profile, syscalls))
        except Inexact:
            break
        assert len(compiled(lib, file).program) <= INSTRUCTIONS_MAX
    else:
        raise AssertionError("nothing is refused")
    assert count > 1
