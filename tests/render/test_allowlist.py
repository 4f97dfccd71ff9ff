from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spo.model.seccomp import LETTING_THROUGH, STRICT_TO_LAX, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.allowlist import check, in_words
from spo.render.resolve import Resolved

ALLOW, LOG, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO"
LETTING = sorted(LETTING_THROUGH)
REFUSING = sorted(set(STRICT_TO_LAX) - LETTING_THROUGH)


def resolved(*syscalls: Syscall, default: str = ERRNO) -> Resolved:
    return Resolved(SeccompProfile(SeccompProfileSpec(default, syscalls=syscalls)), syscalls)


def offending(
    found: Resolved, syscalls: Sequence[str] | None = None, actions: Sequence[str] | None = None
) -> list[tuple[str, str]]:
    return [(offence.syscall, offence.action) for offence in check(found, syscalls, actions)]


@pytest.mark.parametrize("nothing", [None, ()])
@given(st.sampled_from(STRICT_TO_LAX), st.sampled_from(STRICT_TO_LAX))
def test_without_a_list_everything_is_allowed(nothing: tuple[str, ...] | None, action: str, default: str) -> None:
    assert offending(resolved(Syscall(("ptrace",), action), default=default), nothing, nothing) == []


@pytest.mark.parametrize("action", LETTING)
def test_what_lets_a_syscall_through_needs_it_on_the_list(action: str) -> None:
    found = resolved(Syscall(("exit", "ptrace"), action))
    assert offending(found, ["exit"]) == [("ptrace", action)]
    assert offending(found, ["exit", "ptrace"]) == []


@pytest.mark.parametrize("action", REFUSING)
def test_what_refuses_a_syscall_needs_no_list(action: str) -> None:
    assert offending(resolved(Syscall(("ptrace",), action), default=action), ["exit"], [ALLOW]) == []


@pytest.mark.parametrize("action", LETTING)
def test_a_default_that_lets_through_lets_everything_through(action: str) -> None:
    assert offending(resolved(default=action), ["exit"]) == [("", action)]


def test_actions_may_be_narrowed_without_a_list() -> None:
    found = resolved(Syscall(("exit",), ALLOW), Syscall(("read",), LOG), Syscall(("open",), ERRNO))
    assert offending(found, None, [ALLOW]) == [("read", LOG)]
    assert offending(found, None, [ALLOW, LOG]) == []


def test_a_narrowed_action_is_refused_as_default_too() -> None:
    assert offending(resolved(default=LOG), None, [ALLOW]) == [("", LOG)]


def test_actions_that_refuse_are_permitted_whatever_is_listed() -> None:
    assert offending(resolved(Syscall(("read",), ERRNO)), None, ["SCMP_ACT_KILL"]) == []
    assert offending(resolved(Syscall(("read",), ALLOW)), None, ["SCMP_ACT_KILL"]) == [("read", ALLOW)]


def test_both_entries_for_one_syscall_are_looked_at() -> None:
    found = resolved(Syscall(("read",), ALLOW), Syscall(("read",), LOG))
    assert offending(found, ["read"], [ALLOW]) == [("read", LOG)]


def test_offences_come_in_the_profiles_order_and_once() -> None:
    found = resolved(Syscall(("write", "read"), ALLOW), Syscall(("write",), ALLOW), default=LOG)
    assert offending(found, ["exit"]) == [("", LOG), ("write", ALLOW), ("read", ALLOW)]


def test_offences_read_as_a_sentence() -> None:
    found = resolved(Syscall(("ptrace", "mount"), ALLOW), Syscall(("read",), LOG), default=ERRNO)
    assert in_words(check(found, ["exit"], [ALLOW])) == (
        "not on the list of allowed syscalls: ptrace, mount, read; not an allowed action: read (SCMP_ACT_LOG)"
    )
    assert in_words(check(resolved(default=ALLOW), ["exit"], None)) == (
        "not on the list of allowed syscalls: every syscall, by defaultAction SCMP_ACT_ALLOW "
        "(no list permits that: take SCMP_ACT_ERRNO)"
    )


def test_a_long_list_of_offences_is_cut_and_says_so() -> None:
    found = resolved(Syscall(tuple(f"call_{number}" for number in range(5000)), ALLOW))
    words = in_words(check(found, ["exit"], None))
    assert words.endswith("call_11 and 4988 more")
