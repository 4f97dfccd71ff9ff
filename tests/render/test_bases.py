from __future__ import annotations

import pytest
from msgspec.structs import replace

from spo.model.seccomp import SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.bases import is_shipped, shipped
from spo.render.resolve import Resolved, resolve
from spo.render.seccomp import form_of, render, unknown_syscalls

RUNC, CRUN = shipped("operators")


def test_the_documented_name_is_shipped() -> None:
    assert RUNC.metadata.name == "runc-v1.0.0"


@pytest.mark.parametrize("base", [RUNC, CRUN], ids=lambda base: base.metadata.name)
def test_a_base_says_what_it_was_measured_on(base: SeccompProfile) -> None:
    measured = base.metadata.annotations["spo.x-k8s.io/measured-on"]
    assert base.metadata.name.split("-")[0] in measured
    assert "kernel 6.18.44" in measured
    assert unknown_syscalls(base) == ()


def test_the_documented_name_says_that_another_version_was_measured() -> None:
    assert "runc 1.1.5" in RUNC.metadata.annotations["spo.x-k8s.io/measured-on"]
    assert "1.1.5" in RUNC.metadata.annotations["spo.x-k8s.io/remarks"]


def test_what_was_not_measured_is_told_by_name() -> None:
    for extra in ("epoll_pwait", "mmap", "nanosleep", "sched_yield", "tgkill"):
        assert extra in RUNC.spec.syscalls[0].names
        assert extra in RUNC.metadata.annotations["spo.x-k8s.io/remarks"]


def test_a_base_carries_the_hash_of_its_file() -> None:
    file = render(Resolved(RUNC, RUNC.spec.syscalls))
    assert RUNC.metadata.annotations["spo.x-k8s.io/shipped"] == form_of(file)


def test_only_the_shipped_text_under_a_shipped_name_at_home_is_ours() -> None:
    assert is_shipped(RUNC, "operators")
    assert not is_shipped(RUNC, "elsewhere")
    assert not is_shipped(RUNC.with_metadata(replace(RUNC.metadata, name="mine")), "operators")
    assert not is_shipped(RUNC.with_syscalls(Syscall(("ptrace",), "SCMP_ACT_ALLOW")), "operators")
    assert is_shipped(RUNC.with_metadata(RUNC.metadata.with_finalizer("spo.x-k8s.io/profile")), "operators")


def test_the_documented_example_gets_what_the_runtime_calls() -> None:
    spec = SeccompProfileSpec(
        "SCMP_ACT_ERRNO",
        base_profile_name="runc-v1.0.0",
        syscalls=(Syscall(("exit_group",), "SCMP_ACT_ALLOW"),),
    )
    mine = SeccompProfile(spec, replace(RUNC.metadata, name="example-name", namespace="my-namespace"))
    found = resolve(mine, lambda namespace, name: RUNC if namespace == "operators" else None, "operators")
    assert found.bases == ("operators/runc-v1.0.0",)
    (rule,) = found.syscalls
    assert set(rule.names) == {"exit_group", *RUNC.spec.syscalls[0].names}
