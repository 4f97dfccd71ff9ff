from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spo.model.seccomp import Argument, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.resolve import Resolved
from spo.render.seccomp import annotation, form_of, render, unknown_syscalls
from spo.render.syscall_names import SYSCALL_NAMES


def profile(*syscalls: Syscall, **spec: Any) -> SeccompProfile:
    return SeccompProfile(SeccompProfileSpec("SCMP_ACT_ERRNO", syscalls=syscalls, **spec))


def resolved(*syscalls: Syscall, **spec: Any) -> Resolved:
    return Resolved(profile(*syscalls, **spec), syscalls)


def test_a_file_is_compact_and_holds_what_a_runtime_reads() -> None:
    arg = Argument(index=0, op="SCMP_CMP_MASKED_EQ", value=2080505856, value_two=0)
    rules = (Syscall(("clone",), "SCMP_ACT_ALLOW", args=(arg,)), Syscall(("mkdir",), "SCMP_ACT_ERRNO", "13"))
    assert render(resolved(*rules, architectures=("SCMP_ARCH_X86_64",), flags=("SECCOMP_FILTER_FLAG_LOG",))) == (
        b'{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"flags":["SECCOMP_FILTER_FLAG_LOG"],'
        b'"syscalls":[{"names":["clone"],"action":"SCMP_ACT_ALLOW",'
        b'"args":[{"index":0,"value":2080505856,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},'
        b'{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":13}]}'
    )


def test_a_profile_of_nothing_but_a_default_is_just_that() -> None:
    assert render(resolved(state="Disabled", base_profile_name="b")) == b'{"defaultAction":"SCMP_ACT_ERRNO"}'


def test_an_error_number_reads_the_same_as_text() -> None:
    assert render(resolved(Syscall(("read",), "SCMP_ACT_ERRNO", "38"))) == render(
        resolved(Syscall(("read",), "SCMP_ACT_ERRNO", 38))
    )


def test_an_error_number_of_zero_is_written() -> None:
    assert b'"errnoRet":0' in render(resolved(Syscall(("read",), "SCMP_ACT_ERRNO", 0)))


def test_an_error_number_beside_an_action_without_one_is_left_out() -> None:
    assert b"errnoRet" not in render(resolved(Syscall(("read",), "SCMP_ACT_ALLOW", 1)))


def test_the_architecture_that_runtimes_do_not_know_is_left_out() -> None:
    assert b"architectures" not in render(resolved(architectures=("SCMP_ARCH_NATIVE",)))


def test_a_listener_is_handed_on() -> None:
    path = "/var/run/security-profiles-operator/agent.sock"
    written = json.loads(render(resolved(listener_path=path, listener_metadata="m")))
    assert (written["listenerPath"], written["listenerMetadata"]) == (path, "m")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_names_come_out_as_they_went_in(names: list[str]) -> None:
    written = json.loads(render(resolved(Syscall(tuple(names), "SCMP_ACT_ALLOW"))))
    assert written["syscalls"][0]["names"] == names


def test_unknown_names_stay_in_the_file_and_are_reported() -> None:
    odd = Syscall(("read", "raed", "wriet"), "SCMP_ACT_ALLOW")
    assert b'"raed"' in render(resolved(odd))
    assert unknown_syscalls(profile(odd)) == ("raed", "wriet")


def test_the_table_knows_old_and_new_syscalls_of_every_architecture() -> None:
    some = "read chown32 _llseek arm_fadvise64_64 s390_runtime_instr clone3 faccessat2 futex_waitv mseal file_setattr"
    assert set(some.split()) <= SYSCALL_NAMES
    assert not {"llseek", "syscalls", "arch_specific_syscall"} & SYSCALL_NAMES


def test_the_annotation_is_the_list_in_one_order() -> None:
    assert annotation(resolved(Syscall(("write", "exit"), "SCMP_ACT_ALLOW"), Syscall(("read",), "SCMP_ACT_ALLOW"))) == (
        '[{"names":["exit","read","write"],"action":"SCMP_ACT_ALLOW"}]'
    )


def test_the_annotation_of_no_list_is_null() -> None:
    assert annotation(resolved()) == "null"


def test_a_list_too_long_for_an_annotation_has_none() -> None:
    rules = [
        Syscall((f"call_{number}",), "SCMP_ACT_ALLOW", args=(Argument(0, "SCMP_CMP_EQ", number),))
        for number in range(5000)
    ]
    assert annotation(resolved(*rules)) is None
    assert annotation(resolved(*(Syscall(rule.names, rule.action) for rule in rules))) is not None


def test_a_form_is_the_hash_that_is_seen_on_disk() -> None:
    assert form_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
