"""Which rules libseccomp does not take together; that it is so, the kernel tests say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from spo.model.seccomp import Argument, Syscall
from spo.render.collisions import Collision, collision

ALLOW, LOG, ERRNO, KILL = "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL"
X86, ARM, PPC64LE, X86_64 = "SCMP_ARCH_X86", "SCMP_ARCH_ARM", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_X86_64"
WORD = 1 << 32


def rule(action: str, *args: Argument, names: Sequence[str] = ("mkdir",), errno: int | None = None) -> Syscall:
    return Syscall(tuple(names), action, errno, args)


def where(index: int, value: int, op: str = "EQ", value_two: int = 0) -> Argument:
    return Argument(index, f"SCMP_CMP_{op}", value, value_two)


def collide(*rules: Syscall, default: str = "SCMP_ACT_KILL_PROCESS", on: Sequence[str] = ()) -> bool:
    return collision(rules, default, on) is not None


def test_two_actions_on_the_same_conditions_collide_and_are_told() -> None:
    one, other = rule(ERRNO, where(1, 511)), rule(KILL, where(1, 511))
    found = collision((one, other), ALLOW, ())

    assert isinstance(found, Collision)
    assert (found.syscall, found.architecture, found.is_multiplexed) == ("mkdir", "", False)
    assert (found.earlier.action, found.later.action) == (ERRNO, KILL)
    assert found.later.args == (where(1, 511),)


@pytest.mark.parametrize(
    "rules",
    [
        (rule(ERRNO, where(1, 5)), rule(ERRNO, where(1, 5))),
        (rule(ERRNO, where(1, 5)), rule(ERRNO, where(1, 5), errno=1)),
        (rule(ERRNO, where(1, 5)), rule(KILL, where(1, 6))),
        (rule(ERRNO, where(1, 5)), rule(KILL, where(2, 5))),
        (rule(ERRNO, where(1, 5)), rule(KILL, where(1, 5, "GE"))),
        (rule(ERRNO, where(1, 5)), rule(KILL, where(1, 5), names=["chmod"])),
        (rule(KILL, where(1, 5)), rule("SCMP_ACT_KILL_THREAD", where(1, 5))),
    ],
)
def test_rules_that_do_the_same_or_ask_for_something_else_do_not(rules: tuple[Syscall, ...]) -> None:
    assert not collide(*rules)


def test_another_error_number_is_another_action() -> None:
    assert collide(rule(ERRNO, where(1, 5)), rule(ERRNO, where(1, 5), errno=2))


def test_what_the_default_does_stays_out() -> None:
    assert not collide(rule(ERRNO, where(1, 5)), rule(KILL, where(1, 5)), default="SCMP_ACT_KILL_THREAD")


def test_a_shorter_rule_collides_behind_a_longer_one_and_swallows_it_in_front() -> None:
    long, short = rule(ERRNO, where(0, 1), where(1, 2)), rule(KILL, where(0, 1))

    assert collide(long, short)
    assert not collide(short, long)
    assert not collide(short, long, short), "the longer one never came in"


def test_conditions_are_asked_in_the_order_of_the_arguments() -> None:
    assert collide(rule(ERRNO, where(2, 2), where(0, 1)), rule(KILL, where(0, 1)))
    assert not collide(rule(ERRNO, where(0, 1), where(2, 2)), rule(KILL, where(2, 2)))


def test_an_argument_that_is_named_twice_makes_two_rules() -> None:
    assert collide(rule(ERRNO, where(0, 1), where(0, 2)), rule(KILL, where(0, 2)))


def test_bits_outside_of_a_mask_do_not_matter_and_an_empty_mask_asks_for_nothing() -> None:
    assert collide(rule(ERRNO, where(0, 8, "MASKED_EQ", 8)), rule(KILL, where(0, 8, "MASKED_EQ", 15)))
    assert not collide(rule(ERRNO, where(0, 0, "MASKED_EQ", 8)), rule(KILL)), "two rules without conditions"


def test_a_rule_without_conditions_collides_with_none_and_takes_the_place_of_all() -> None:
    general, special = rule(ERRNO), rule(KILL, where(0, 1))

    assert not collide(special, general)
    assert not collide(general, special)
    assert not collide(general, rule(KILL))
    assert not collide(special, general, rule(LOG, where(0, 1))), "which is dropped"


@pytest.mark.parametrize("on", [(X86,), (ARM, PPC64LE), ("SCMP_ARCH_NATIVE", "SCMP_ARCH_S390X")])
@pytest.mark.parametrize("name", ["socket", "accept4", "semop", "shmctl"])
def test_where_syscalls_are_multiplexed_it_collides_with_any_in_front_of_it(name: str, on: Sequence[str]) -> None:
    general, special = rule(ERRNO, names=[name]), rule(KILL, where(1, 1), names=[name])

    assert collide(special, general, on=on)
    assert collide(general, rule(KILL, names=[name]), on=on)
    assert not collide(general, special, on=on)
    assert not collide(special, general, on=(X86_64, ARM))
    found = collision((special, general), ALLOW, on)
    assert found is not None and found.is_multiplexed


def test_there_a_condition_on_the_first_argument_is_none() -> None:
    """A process names there which of the syscalls it means."""
    rules = (rule(ERRNO, where(0, 1), names=["socket"]), rule(KILL, where(0, 2), names=["socket"]))

    assert collide(*rules, on=(X86,))
    assert not collide(*rules)


def test_syscalls_that_share_a_number_keep_apart_by_their_own_and_meet_rules_of_what_carries_them() -> None:
    socket, bind = rule(ERRNO, names=["socket"]), rule(KILL, names=["bind"])
    by_number = [rule(LOG, where(0, number), names=["socketcall"]) for number in (1, 2)]

    assert not collide(socket, bind, on=(X86,))
    assert collide(by_number[0], socket, on=(X86,))
    assert not collide(by_number[1], socket, on=(X86,))
    assert collide(by_number[1], bind, on=(X86,))
    assert not collide(rule(LOG, names=["socketcall"]), socket, on=(X86,)), "without conditions it swallows them"


@pytest.mark.parametrize(("on", "collides"), [((), False), ((X86_64,), False), ((X86_64, ARM), True)])
def test_narrow_architectures_see_half_of_a_value(on: Sequence[str], collides: bool) -> None:
    rules = (rule(ERRNO, where(0, 1)), rule(KILL, where(0, WORD + 1)))
    masks = (rule(ERRNO, where(1, 1), where(2, WORD, "MASKED_EQ", WORD)), rule(KILL, where(1, 1)))

    found = collision(rules, ALLOW, on)
    assert (found is not None) is collides
    assert found is None or found.architecture == ARM
    assert collide(*masks), "the second begins like the first anywhere"
    assert collide(*masks[::-1], on=on) is collides, "and is the same where the mask asks for nothing"
