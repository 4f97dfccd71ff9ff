"""The seccomp filter: which verdict a syscall gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.sim.node.kernel import PRECEDENCE, BadProfile, Decision, Filter, load, strongest


def loaded(default: str = "SCMP_ACT_ERRNO", *rules: dict[str, Any], **more: Any) -> Filter:
    return load(json.dumps({"defaultAction": default, "syscalls": rules, **more}).encode())


def rule(action: str, *names: str, **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **more}


def arg(index: int, op: str, value: int, value_two: int = 0) -> dict[str, Any]:
    return {"index": index, "op": f"SCMP_CMP_{op}", "value": value, "valueTwo": value_two}


def test_what_no_rule_names_gets_the_default() -> None:
    profile = loaded("SCMP_ACT_ERRNO", rule("SCMP_ACT_ALLOW", "read"))

    assert profile.verdict("read") == Decision("ALLOW")
    assert profile.verdict("write") == Decision("ERRNO", 1)


def test_the_errno_of_a_rule_and_of_the_default_are_told() -> None:
    profile = loaded("SCMP_ACT_ERRNO", rule("SCMP_ACT_ERRNO", "mkdir", errnoRet=13), defaultErrnoRet=38)

    assert profile.verdict("mkdir").errno == 13
    assert profile.verdict("socket").errno == 38


@pytest.mark.parametrize(
    ("op", "value", "value_two", "holds", "fails"),
    [
        ("EQ", 7, 0, 7, 8),
        ("NE", 7, 0, 8, 7),
        ("LT", 7, 0, 6, 7),
        ("LE", 7, 0, 7, 8),
        ("GT", 7, 0, 8, 7),
        ("GE", 7, 0, 7, 6),
        ("MASKED_EQ", 0x7E020000, 0, 0x11, 0x10000000),
        ("MASKED_EQ", 0xF0, 0x30, 0x3F, 0x4F),
        ("MASKED_EQ", 0xF0, 0x3F, 0x30, 0x4F),
    ],
)
def test_a_condition_compares_as_it_says(op: str, value: int, value_two: int, holds: int, fails: int) -> None:
    profile = loaded("SCMP_ACT_ERRNO", rule("SCMP_ACT_ALLOW", "clone", args=[arg(0, op, value, value_two)]))

    assert profile.verdict("clone", (holds,)).lets_pass
    assert not profile.verdict("clone", (fails,)).lets_pass


def test_conditions_on_different_arguments_must_all_hold() -> None:
    both = rule("SCMP_ACT_ALLOW", "socket", args=[arg(0, "EQ", 2), arg(1, "EQ", 1)])
    profile = loaded("SCMP_ACT_ERRNO", both)

    assert profile.verdict("socket", (2, 1)).lets_pass
    assert not profile.verdict("socket", (2, 2)).lets_pass


def test_an_argument_named_twice_means_either() -> None:
    either = rule("SCMP_ACT_ALLOW", "personality", args=[arg(0, "EQ", 0), arg(0, "EQ", 8)])
    profile = loaded("SCMP_ACT_ERRNO", either)

    assert profile.verdict("personality", (0,)).lets_pass
    assert profile.verdict("personality", (8,)).lets_pass
    assert not profile.verdict("personality", (1,)).lets_pass


@pytest.mark.parametrize("general_first", [True, False])
def test_a_rule_without_conditions_swallows_those_with(general_first: bool) -> None:
    rules = [rule("SCMP_ACT_ALLOW", "clone"), rule("SCMP_ACT_LOG", "clone", args=[arg(0, "EQ", 1)])]
    profile = loaded("SCMP_ACT_ERRNO", *(rules if general_first else rules[::-1]))

    assert profile.verdict("clone", (1,)).action == "ALLOW"


def test_where_conditions_overlap_the_higher_argument_then_the_later_rule_counts() -> None:
    by_first = rule("SCMP_ACT_LOG", "clone", args=[arg(0, "GE", 1)])
    by_first_too = rule("SCMP_ACT_ALLOW", "clone", args=[arg(0, "EQ", 5)])
    by_second = rule("SCMP_ACT_KILL_PROCESS", "clone", args=[arg(1, "EQ", 2)])
    profile = loaded("SCMP_ACT_ERRNO", by_first, by_second, by_first_too)

    assert profile.verdict("clone", (5, 2)).action == "KILL_PROCESS"
    assert profile.verdict("clone", (5, 1)).action == "ALLOW"
    assert profile.verdict("clone", (4, 1)).action == "LOG"


def test_a_rule_that_says_the_default_is_left_out() -> None:
    profile = loaded("SCMP_ACT_ERRNO", rule("SCMP_ACT_ERRNO", "clone"), rule("SCMP_ACT_ALLOW", "clone"))

    assert profile.verdict("clone").lets_pass


def test_the_strongest_verdict_of_several_filters_counts() -> None:
    verdicts = [Decision(action) for action in reversed(PRECEDENCE)]

    assert strongest(verdicts).action == "KILL_PROCESS"
    assert strongest([Decision("LOG"), Decision("ALLOW")]).action == "LOG"
    assert strongest([]).action == "ALLOW"


@pytest.mark.parametrize(
    ("action", "passes", "kills", "audited"),
    [
        ("ALLOW", True, False, False),
        ("LOG", True, False, True),
        ("ERRNO", False, False, False),
        ("TRAP", False, True, False),
        ("KILL_PROCESS", False, True, True),
    ],
)
def test_a_verdict_says_what_becomes_of_the_process(action: Any, passes: bool, kills: bool, audited: bool) -> None:
    verdict = Decision(action)

    assert (verdict.lets_pass, verdict.kills, verdict.is_audited) == (passes, kills, audited)


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        (b"{", "decoding seccomp profile failed: Input data was truncated"),
        (b'{"defaultAction": "ALLOW"}', "string ALLOW is not a valid action for seccomp"),
    ],
)
def test_what_the_runtime_cannot_read_is_refused_in_its_words(profile: bytes, message: str) -> None:
    with pytest.raises(BadProfile) as refused:
        load(profile)

    assert str(refused.value) == message


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(BadProfile, match="string SCMP_CMP_IS is not a valid operator for seccomp"):
        loaded("SCMP_ACT_LOG", rule("SCMP_ACT_ALLOW", "clone", args=[arg(0, "IS", 1)]))
