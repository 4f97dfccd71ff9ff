"""What is remarked on, although the profile is installed."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.meta import ObjectMeta
from spo.model.reasons import REASONS
from spo.model.seccomp import ARCHITECTURES, FLAGS, Argument, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.remarks import REMARKS, listed
from spo.render.resolve import Resolved, resolve

ALLOW, LOG, ERRNO, KILL = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL"


def profile(
    *syscalls: Syscall, name: str = "mine", default: str = ERRNO, base: str = "", **spec: Any
) -> SeccompProfile:
    made = SeccompProfileSpec(default, base_profile_name=base, syscalls=syscalls, **spec)
    return SeccompProfile(made, ObjectMeta(name, "shop"))


def rule(action: str, *names: str, args: tuple[Argument, ...] = ()) -> Syscall:
    return Syscall(names, action, None, args)


def said(condition: str, mine: SeccompProfile, *others: SeccompProfile) -> str | None:
    found = {each.metadata.name: each for each in others}
    resolved = resolve(mine, lambda namespace, name: found.get(name), "operator")
    assert resolved.problem is None
    (remark,) = [each for each in REMARKS if each.condition == condition]
    return remark.message(mine, resolved)


def test_every_remark_has_a_word_with_a_remedy_and_one_for_when_all_is_well() -> None:
    for remark in REMARKS:
        assert REASONS[remark.reason].warning and REASONS[remark.reason].remedy
        assert not REASONS[remark.well].warning
    assert len({each.condition for each in REMARKS}) == len(REMARKS) == 3


def test_a_profile_that_every_runtime_takes_has_no_remark() -> None:
    plain = profile(architectures=("SCMP_ARCH_NATIVE", "SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"))
    assert [each.message(plain, Resolved(plain, ())) for each in REMARKS] == ["", "", ""]


def test_what_only_some_runtimes_take_is_told_together_all_of_it_readable() -> None:
    text = said(
        "LoadsEverywhere",
        profile(
            architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_RISCV64"),
            flags=("SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC"),
        ),
    )
    assert text == (
        "SCMP_ARCH_RISCV64: runc before 1.2 and libseccomp before 2.5 do not know it; "
        "SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_TSYNC: runc before 1.2 takes no flags; "
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: runc does not know it, as of 1.4. "
        "See to it that the runtimes of your nodes take these, or remove them: else containers do not start."
    )


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_is_remarked_on(flag: str) -> None:
    assert said("LoadsEverywhere", profile(flags=(flag,)))


def test_big_endian_architectures_are_remarked_on_and_the_usual_ones_are_not() -> None:
    remarked = {name for name in ARCHITECTURES if said("LoadsEverywhere", profile(architectures=(name,)))}
    assert {"SCMP_ARCH_S390X", "SCMP_ARCH_MIPS", "SCMP_ARCH_PARISC", "SCMP_ARCH_RISCV64"} <= remarked
    assert not remarked & {"SCMP_ARCH_NATIVE", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SCMP_ARCH_PPC64LE"}


def test_what_the_profile_refuses_and_a_base_lets_through_is_told_by_base() -> None:
    mine = profile(rule(KILL, "mkdir"), rule(ERRNO, "chmod", "bpf"), rule(ALLOW, "read"), base="near")
    near = profile(rule(ALLOW, "mkdir"), name="near", base="far")
    far = profile(rule(LOG, "chmod"), rule(ALLOW, "mkdir", "read"), rule(ERRNO, "bpf"), name="far")

    assert said("RefusalsStand", mine, near, far) == (
        "base shop/near lets through: mkdir (SCMP_ACT_KILL); base shop/far lets through: chmod (SCMP_ACT_ERRNO). "
        "What a base lets through counts: take it out of the profile's rules, or build on a base without it."
    )


def test_a_refusal_that_is_the_exception_from_a_permissive_default_counts_only_where_the_base_has_conditions() -> None:
    some = (Argument(0, "SCMP_CMP_EQ", 1),)
    mine = profile(rule(ERRNO, "mkdir"), default=ALLOW, base="base")

    assert said("RefusalsStand", mine, profile(rule(ALLOW, "mkdir", args=some), name="base")) == ""
    assert said("RefusalsStand", mine, profile(rule(ALLOW, "mkdir"), name="base"))


@pytest.mark.parametrize(
    "base",
    [
        profile(rule(ALLOW, "read"), name="base"),
        profile(rule(KILL, "mkdir"), name="base"),
    ],
)
def test_a_base_that_does_not_let_it_through_drops_nothing(base: SeccompProfile) -> None:
    assert said("RefusalsStand", profile(rule(ERRNO, "mkdir"), base="base"), base) == ""


def test_while_bases_are_not_known_nothing_is_said_about_them() -> None:
    mine = profile(rule(ERRNO, "mkdir"), base="base")
    assert [each.message(mine, None) for each in REMARKS] == ["", "", None]


def test_many_names_are_cut_and_counted() -> None:
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a", "b"], 2) == "a, b"
