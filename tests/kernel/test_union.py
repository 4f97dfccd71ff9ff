"""A union of profiles is never stricter than either side, by libseccomp's verdicts; and the simulated kernel agrees.

Random profiles with argument filters, random calls. Filters are compiled by libseccomp and run here, so nothing needs
root; it is a kernel test because it speaks of the library that container runtimes load filters with.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spo.model.meta import ObjectMeta
from spo.model.seccomp import OPERATORS, Argument, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.resolve import Resolved, resolve
from spo.render.seccomp import render
from spo.sim.node.kernel import load
from tests.kernel.seccomp import Filter, library

pytestmark = pytest.mark.kernel

EXAMPLES = 200
NAMES = ("read", "write", "socket")
LETTING_THROUGH = ("SCMP_ACT_LOG", "SCMP_ACT_ALLOW")
REFUSING = ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO")
FREEST_FIRST = (0x7FFF0000, 0x7FFC0000)  # ALLOW, LOG; nobody answers the calls of TRACE and NOTIFY
# Few values, so that conditions and calls meet; beyond 32 bits too, where a comparison takes two words.
VALUES = st.sampled_from([0, 1, 2, 8, 0xFF, 1 << 31, 1 << 32, (1 << 32) + 1, (1 << 63) - 1])

# libseccomp 2.5.4 keeps to *or* between the rules of a syscall as long as they ask for equality. Of several that
# compare by size it loses some, see the last test (of several NE, two in a rule, it may never come back); one rule may
# compare as it likes.
EXACT = ("SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ")


def conditions(operators: tuple[str, ...], count_max: int) -> st.SearchStrategy[tuple[Argument, ...]]:
    one = st.builds(Argument, index=st.integers(0, 2), op=st.sampled_from(operators), value=VALUES, value_two=VALUES)
    return st.lists(one, max_size=count_max, unique_by=lambda each: each.index).map(tuple)


several = st.lists(conditions(EXACT, 2), min_size=1, max_size=3)
single = st.lists(conditions(OPERATORS, 3), min_size=1, max_size=1)


def rules(actions: tuple[str, ...], of_one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Syscall, ...]]:
    """Rules that say one thing of each syscall, as often as they like: of two different, libseccomp takes any."""
    one = st.tuples(st.sampled_from(actions), of_one)
    return st.dictionaries(st.sampled_from(NAMES), one, max_size=4).map(
        lambda of: tuple(Syscall((name,), action, None, args) for name, (action, each) in of.items() for args in each)
    )


def profiles(
    name: str, actions: tuple[str, ...], default: str, of_one: st.SearchStrategy[Any] = several, base: str = ""
) -> st.SearchStrategy[SeccompProfile]:
    return rules(actions, of_one).map(
        lambda syscalls: SeccompProfile(
            SeccompProfileSpec(default, base_profile_name=base, syscalls=syscalls), ObjectMeta(name, "default")
        )
    )


ERRNO = "SCMP_ACT_ERRNO"
mine = profiles("mine", LETTING_THROUGH, ERRNO, base="base")
bases = profiles("base", LETTING_THROUGH, ERRNO)
anything = st.one_of(
    profiles("any", (*LETTING_THROUGH, *REFUSING), ERRNO, several | single),
    profiles("any", (*REFUSING, "SCMP_ACT_ALLOW"), "SCMP_ACT_LOG", several | single),
)
calls = st.lists(
    st.tuples(st.sampled_from(NAMES), st.tuples(*[VALUES] * 3, *[st.just(0)] * 3)), min_size=1, max_size=20
)


@pytest.fixture(scope="module")
def lib() -> Any:
    return library()


def file_of(profile: SeccompProfile, base: SeccompProfile | None = None) -> bytes:
    if base is None:
        return render(Resolved(profile, profile.spec.syscalls))
    resolved = resolve(profile, lambda namespace, name: base if name == "base" else None, "operator")
    assert resolved.problem is None
    return render(resolved)


def compiled(lib: Any, file: bytes) -> Filter:
    return Filter(lib, json.loads(file))


def freedom(verdict: int) -> int:
    return -FREEST_FIRST.index(verdict) if verdict in FREEST_FIRST else -len(FREEST_FIRST)


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=mine, base=bases, asked=calls)
def test_a_union_is_never_stricter_than_either_side(
    lib: Any, profile: SeccompProfile, base: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    both = compiled(lib, file_of(profile, base))
    sides = [compiled(lib, file_of(profile)), compiled(lib, file_of(base))]
    for name, args in asked:
        freest = max(freedom(side.verdict(name, args)) for side in sides)
        assert freedom(both.verdict(name, args)) >= freest, f"{name}{args} of {profile.spec} on {base.spec}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=anything, asked=calls)
def test_the_simulated_kernel_agrees_with_libseccomp(
    lib: Any, profile: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    file = file_of(profile)
    real, simulated = compiled(lib, file), load(file)
    for name, args in asked:
        verdict = simulated.verdict(name, args)
        assert real.verdict(name, args) == verdict.code | verdict.errno, f"{name}{args} of {profile.spec}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(profile=mine, base=bases, asked=calls)
def test_the_simulated_kernel_agrees_on_unions_too(
    lib: Any, profile: SeccompProfile, base: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    file = file_of(profile, base)
    real, simulated = compiled(lib, file), load(file)
    for name, args in asked:
        verdict = simulated.verdict(name, args)
        assert real.verdict(name, args) == verdict.code | verdict.errno, f"{name}{args} of {json.loads(file)}"


def test_of_two_rules_that_compare_by_size_libseccomp_may_lose_one(lib: Any) -> None:
    """What no union can help, as of libseccomp 2.5.4: when this fails, the library is better, and EXACT can grow."""
    small = Syscall(("read",), "SCMP_ACT_ALLOW", None, (Argument(0, "SCMP_CMP_LE", 0),))
    large = Syscall(("read",), "SCMP_ACT_ALLOW", None, (Argument(0, "SCMP_CMP_LE", (1 << 32) + 1),))
    profile = SeccompProfile(SeccompProfileSpec(ERRNO, syscalls=(small, large)), ObjectMeta("p", "default"))
    asked = [(value, 0, 0, 0, 0, 0) for value in (0, 1, 1 << 31, (1 << 32) + 1)]

    real, simulated = compiled(lib, file_of(profile)), load(file_of(profile))
    found = [real.verdict("read", args) == simulated.verdict("read", args).code for args in asked]
    assert not all(found)
