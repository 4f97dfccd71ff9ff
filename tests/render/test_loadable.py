"""What no runtime loads is told by rule, in a sentence with a remedy; the kernel tests ask libseccomp and runc."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.meta import ObjectMeta
from spo.model.seccomp import Argument, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.loadable import (
    POLICIES,
    NotLoadable,
    Policy,
    default_is_not_to_ask,
    error_numbers_exist,
    no_two_collide,
    one_byte_order,
    somebody_is_asked,
    where_said,
    write_does_not_ask,
)
from spo.render.resolve import Resolved
from spo.render.seccomp import render
from spo.render.union import RuleEffect

ALLOW, ERRNO, KILL, NOTIFY, TRACE = (f"SCMP_ACT_{name}" for name in ("ALLOW", "ERRNO", "KILL", "NOTIFY", "TRACE"))
SOCKET = "/var/run/security-profiles-operator/agent.sock"
MODE = (Argument(1, "SCMP_CMP_EQ", 0o777),)


def profile(*syscalls: Syscall, default: str = ALLOW, name: str = "mine", **spec: Any) -> SeccompProfile:
    return SeccompProfile(SeccompProfileSpec(default, syscalls=syscalls, **spec), ObjectMeta(name, "shop"))


def rule(action: str, *names: str, args: tuple[Argument, ...] = (), errno: int | str | None = None) -> Syscall:
    return Syscall(names or ("mkdir",), action, errno, args)


def said(policy: Policy, mine: SeccompProfile, *stack: SeccompProfile) -> str | None:
    """What the policy says of the profile; its bases' rules stand behind its own."""
    rules = tuple(each for one in (mine, *stack) for each in one.spec.syscalls)
    return policy(Resolved(mine, rules, stack), rules)


def listing(*names: str) -> SeccompProfile:
    return profile(architectures=tuple(f"SCMP_ARCH_{name}" for name in names))


@pytest.mark.parametrize("names", [(), ("X86_64", "AARCH64"), ("S390X", "PPC64"), ("NATIVE", "S390X"), ("NATIVE",)])
def test_architectures_of_one_byte_order_make_a_filter(names: tuple[str, ...]) -> None:
    assert said(one_byte_order, listing(*names)) is None


def test_architectures_of_both_byte_orders_make_none() -> None:
    assert said(one_byte_order, listing("X86_64", "S390X", "PPC64")) == (
        "SCMP_ARCH_X86_64 and SCMP_ARCH_S390X differ in byte order, and no filter can be for both (runc: "
        '"numerical argument out of domain"). Make a profile of its own for SCMP_ARCH_S390X and SCMP_ARCH_PPC64.'
    )


def test_the_default_action_may_not_be_to_ask() -> None:
    assert said(default_is_not_to_ask, profile()) is None
    wrong = said(default_is_not_to_ask, profile(default=NOTIFY, listener_path=SOCKET))
    assert wrong is not None and "SCMP_ACT_NOTIFY cannot be used as default action" in wrong


def test_nobody_may_be_asked_about_write() -> None:
    assert said(write_does_not_ask, profile(rule(NOTIFY, "mkdir"), rule(ALLOW, "write"))) is None
    wrong = said(write_does_not_ask, profile(rule(ALLOW, "read"), rule(NOTIFY, "mkdir", "write", args=MODE)))
    assert wrong is not None and wrong.startswith("rule 2 (spec.syscalls[1]) has SCMP_ACT_NOTIFY on write,")
    assert "SCMP_ACT_NOTIFY cannot be used for the write syscall" in wrong


def test_who_asks_needs_somebody_to_ask() -> None:
    assert said(somebody_is_asked, profile(rule(NOTIFY), listener_path=SOCKET)) is None
    assert said(somebody_is_asked, profile(rule(ALLOW))) is None
    assert said(somebody_is_asked, profile(rule(NOTIFY))) == (
        "rule 1 (spec.syscalls[0]) has SCMP_ACT_NOTIFY on mkdir, and the profile no listenerPath (runc: "
        '"listenerPath is not set"). Set spec.listenerPath, or choose another action.'
    )


def test_a_rule_of_a_base_is_named_with_the_base() -> None:
    base = profile(rule(ALLOW, "read"), rule(NOTIFY, "chmod"), name="asking")
    wrong = said(somebody_is_asked, profile(rule(ALLOW, "write")), base)
    assert wrong is not None and wrong.startswith("rule 2 (spec.syscalls[1]) of base shop/asking has SCMP_ACT_NOTIFY")


@pytest.mark.parametrize(
    ("action", "errno", "most"),
    [
        (ERRNO, None, None),
        (ERRNO, 0, None),
        (ERRNO, 4094, None),
        (ERRNO, "4094", None),
        (ERRNO, 4095, 4094),
        (ERRNO, "9999", 4094),
        (ERRNO, 70000, 4094),
        (TRACE, 65535, None),
        (TRACE, 65536, 65535),
        (ALLOW, 65536, None),
    ],
)
def test_error_numbers_end_where_libseccomp_says(action: str, errno: int | str | None, most: int | None) -> None:
    wrong = said(error_numbers_exist, profile(rule(ALLOW, "read"), rule(action, errno=errno)))

    if most is None:
        assert wrong is None
    else:
        assert wrong == (
            f"rule 2 (spec.syscalls[1]) has errnoRet {errno}, and {action} takes 0 to {most}. "
            "Take a number in that range."
        )


def test_two_actions_on_the_same_conditions_are_told_with_both_rules() -> None:
    three = (rule(ERRNO, args=MODE, errno=5), rule(ALLOW, "read"), rule(KILL, args=MODE))
    assert said(no_two_collide, profile(*three)) == (
        "rule 1 (spec.syscalls[0]) and rule 3 (spec.syscalls[2]) say different things of mkdir, SCMP_ACT_ERRNO 5 and "
        'SCMP_ACT_KILL, on the same conditions, and runtimes take no such rules (runc: "file exists"). Keep one of '
        "them, or let their conditions differ in the first argument that both ask about."
    )
    assert said(no_two_collide, profile(rule(ERRNO, args=MODE))) is None


def test_an_architecture_that_makes_rules_collide_is_told() -> None:
    rules = (rule(ERRNO, "socket", args=MODE), rule(KILL, "socket"))
    assert said(no_two_collide, profile(*rules, architectures=("SCMP_ARCH_X86_64",))) is None
    wrong = said(no_two_collide, profile(*rules, architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X86")))
    assert wrong is not None and "shares a number with others on SCMP_ARCH_X86" in wrong
    assert wrong.endswith("take SCMP_ARCH_X86 out of spec.architectures.")

    halves = (
        rule(ERRNO, args=(Argument(0, "SCMP_CMP_EQ", 1),)),
        rule(KILL, args=(Argument(0, "SCMP_CMP_EQ", 1 + (1 << 32)),)),
    )
    wrong = said(no_two_collide, profile(*halves, architectures=("SCMP_ARCH_ARM",)))
    assert wrong is not None and "as SCMP_ARCH_ARM sees them" in wrong


def test_the_rule_that_is_named_is_the_one_that_is_most_like() -> None:
    mine = profile(rule(ERRNO), rule(KILL, args=MODE), rule(ERRNO, args=MODE))
    base = profile(rule(TRACE), name="base")
    resolved = Resolved(mine, mine.spec.syscalls, (base,))

    assert where_said(resolved, "mkdir", RuleEffect(ERRNO)) == "rule 1 (spec.syscalls[0])"
    assert where_said(resolved, "mkdir", RuleEffect(ERRNO, None, MODE)) == "rule 3 (spec.syscalls[2])"
    assert where_said(resolved, "mkdir", RuleEffect(TRACE, None, MODE)) == "rule 1 (spec.syscalls[0]) of base shop/base"
    assert where_said(resolved, "mkdir", RuleEffect(ALLOW)) == "rule 1 (spec.syscalls[0])", "changed by a union"


def test_all_that_is_wrong_is_told_and_nothing_is_rendered() -> None:
    wrong = profile(rule(NOTIFY, "write"), rule(ERRNO, errno=5000), default=NOTIFY)

    with pytest.raises(NotLoadable) as refused:
        render(Resolved(wrong, wrong.spec.syscalls))

    for word in ("default action", "the write syscall", "listenerPath is not set", "errnoRet 5000"):
        assert word in str(refused.value)


def test_every_policy_is_asked() -> None:
    assert len(set(POLICIES)) == 6


def test_rules_are_looked_at_as_they_will_be_written() -> None:
    """A union frees the profile's `write` of the question: then nobody is asked."""
    mine = profile(rule(NOTIFY, "write"), default=ERRNO)
    render(Resolved(mine, (rule(ALLOW, "write"),)))
