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

NAMES = ("read", "write", "socket", "personality", "clone")
LETTING_THROUGH = ("SCMP_ACT_LOG", "SCMP_ACT_ALLOW")
REFUSING = ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO")
FREEST_FIRST = (0x7FFF0000, 0x7FFC0000)  # ALLOW, LOG; nobody answers the calls of TRACE and NOTIFY
# Few values, so that conditions and calls meet; beyond 32 bits too, where a comparison takes two words.
VALUES = st.sampled_from([0, 1, 2, 8, 0xFF, 1 << 31, 1 << 32, (1 << 32) + 1, (1 << 63) - 1])

arguments = st.builds(Argument, index=st.integers(0, 2), op=st.sampled_from(OPERATORS), value=VALUES, value_two=VALUES)
conditions = st.lists(arguments, max_size=2, unique_by=lambda each: each.index).map(tuple)


def rules(actions: tuple[str, ...]) -> st.SearchStrategy[tuple[Syscall, ...]]:
    """Rules that say one thing of each syscall, as often as they like: of two different, libseccomp takes any."""
    one = st.tuples(st.sampled_from(actions), st.lists(conditions, min_size=1, max_size=2))
    return st.dictionaries(st.sampled_from(NAMES), one, max_size=4).map(
        lambda of: tuple(Syscall((name,), action, None, args) for name, (action, each) in of.items() for args in each)
    )


def profiles(name: str, actions: tuple[str, ...], default: str, base: str = "") -> st.SearchStrategy[SeccompProfile]:
    return rules(actions).map(
        lambda syscalls: SeccompProfile(
            SeccompProfileSpec(default, base_profile_name=base, syscalls=syscalls), ObjectMeta(name, "default")
        )
    )


ERRNO = "SCMP_ACT_ERRNO"
mine = profiles("mine", LETTING_THROUGH, ERRNO, base="base")
bases = profiles("base", LETTING_THROUGH, ERRNO)
anything = st.one_of(
    profiles("any", (*LETTING_THROUGH, *REFUSING), ERRNO),
    profiles("any", (*REFUSING, "SCMP_ACT_ALLOW"), "SCMP_ACT_LOG"),
)
calls = st.lists(st.tuples(st.sampled_from(NAMES), st.tuples(*[VALUES] * 6)), min_size=1, max_size=30)


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


@settings(max_examples=300, deadline=None)
@given(profile=mine, base=bases, asked=calls)
def test_a_union_is_never_stricter_than_either_side(
    lib: Any, profile: SeccompProfile, base: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    both = compiled(lib, file_of(profile, base))
    sides = [compiled(lib, file_of(profile)), compiled(lib, file_of(base))]
    for name, args in asked:
        freest = max(freedom(side.verdict(name, args)) for side in sides)
        assert freedom(both.verdict(name, args)) >= freest, f"{name}{args} of {profile.spec} on {base.spec}"


@settings(max_examples=300, deadline=None)
@given(profile=anything, asked=calls)
def test_the_simulated_kernel_agrees_with_libseccomp(
    lib: Any, profile: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    file = file_of(profile)
    real, simulated = compiled(lib, file), load(file)
    for name, args in asked:
        verdict = simulated.verdict(name, args)
        assert real.verdict(name, args) == verdict.code | verdict.errno, f"{name}{args} of {profile.spec}"


@settings(max_examples=300, deadline=None)
@given(profile=mine, base=bases, asked=calls)
def test_the_simulated_kernel_agrees_on_unions_too(
    lib: Any, profile: SeccompProfile, base: SeccompProfile, asked: list[tuple[str, tuple[int, ...]]]
) -> None:
    file = file_of(profile, base)
    real, simulated = compiled(lib, file), load(file)
    for name, args in asked:
        verdict = simulated.verdict(name, args)
        assert real.verdict(name, args) == verdict.code | verdict.errno, f"{name}{args} of {json.loads(file)}"
