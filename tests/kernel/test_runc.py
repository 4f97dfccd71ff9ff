"""What we render is what the kernel enforces: the very bytes of the file, taken by a real container runtime."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from spo.model.meta import ObjectMeta
from spo.model.seccomp import Argument, SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.resolve import resolve
from spo.render.seccomp import render
from tests.kernel.bundle import run

pytestmark = pytest.mark.kernel

# What runc 1.1.5 itself calls under the filter, with noNewPrivileges (measured), and a static busybox before it works.
RUNC = "close epoll_ctl execve fstatfs futex getdents64 getpid openat rt_sigreturn write".split()
BUSYBOX = """
    access arch_prctl brk exit exit_group fcntl fstat getrandom getuid ioctl lseek mmap mprotect munmap newfstatat prctl
    prlimit64 read readlink readlinkat rseq rt_sigaction rt_sigprocmask set_robust_list set_tid_address stat umask uname
""".split()
MAKE_DIRECTORY = ["mkdir", "/made"]


def profile(name: str, allowed: Iterable[str], *more: Syscall, base: str = "") -> SeccompProfile:
    spec = SeccompProfileSpec(
        default_action="SCMP_ACT_ERRNO",
        base_profile_name=base,
        architectures=("SCMP_ARCH_NATIVE",),
        syscalls=(Syscall(names=tuple(allowed), action="SCMP_ACT_ALLOW"), *more),
    )
    return SeccompProfile(spec=spec, metadata=ObjectMeta(name=name, namespace="default"))


def run_under(
    mine: SeccompProfile, *others: SeccompProfile, directory: Path, command: list[str]
) -> CompletedProcess[str]:
    bases = {(each.metadata.namespace, each.metadata.name): each for each in others}
    resolved = resolve(mine, lambda namespace, name: bases.get((namespace, name)), "security-profiles-operator")
    assert resolved.problem is None
    return run(directory, command, json.loads(render(resolved)))


def made(directory: Path) -> bool:
    return (directory / "bundle/rootfs/made").is_dir()


def test_a_profile_that_allows_what_the_program_calls_lets_it_run(tmp_path: Path) -> None:
    ended = run_under(profile("p", [*RUNC, *BUSYBOX, "mkdir"]), directory=tmp_path, command=MAKE_DIRECTORY)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert made(tmp_path)


def test_a_syscall_that_is_not_allowed_is_really_denied(tmp_path: Path) -> None:
    ended = run_under(profile("p", [*RUNC, *BUSYBOX]), directory=tmp_path, command=MAKE_DIRECTORY)

    assert ended.returncode == 1
    assert "Operation not permitted" in ended.stderr
    assert not made(tmp_path)


def test_a_base_profile_is_what_lets_the_runtime_itself_start(tmp_path: Path) -> None:
    base = profile("runc-v1.0.0", RUNC)
    mine = [*BUSYBOX, "mkdir"]
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()

    based = run_under(profile("p", mine, base="runc-v1.0.0"), base, directory=tmp_path / "with", command=MAKE_DIRECTORY)
    alone = run_under(profile("p", mine), directory=tmp_path / "without", command=MAKE_DIRECTORY)

    assert (based.returncode, based.stderr) == (0, "")
    assert alone.returncode != 0
    assert (made(tmp_path / "with"), made(tmp_path / "without")) == (True, False)


def test_an_error_number_of_a_rule_reaches_the_program(tmp_path: Path) -> None:
    full = Syscall(names=("mkdir",), action="SCMP_ACT_ERRNO", errno_ret="28")
    ended = run_under(profile("p", [*RUNC, *BUSYBOX], full), directory=tmp_path, command=MAKE_DIRECTORY)

    assert "No space left on device" in ended.stderr


def test_a_condition_on_an_argument_decides(tmp_path: Path) -> None:
    """busybox makes a directory with mode 0777."""
    outcomes = []
    for mode in (0o777, 0o700):
        directory = tmp_path / f"{mode:o}"
        directory.mkdir()
        only = Syscall(
            names=("mkdir",), action="SCMP_ACT_ALLOW", args=(Argument(index=1, op="SCMP_CMP_EQ", value=mode),)
        )
        run_under(profile("p", [*RUNC, *BUSYBOX], only), directory=directory, command=MAKE_DIRECTORY)
        outcomes.append(made(directory))

    assert outcomes == [True, False]


@pytest.mark.parametrize("mode", [0o777, 0o700])
def test_conditions_that_are_written_again_decide_as_they_were_meant(tmp_path: Path, mode: int) -> None:
    """The path is somewhere in memory, the mode 0777: what compares with the former becomes masks of 64 bits."""
    somewhere = (Argument(0, "SCMP_CMP_NE", 0), Argument(1, "SCMP_CMP_EQ", mode))
    mine = profile("p", [*RUNC, *BUSYBOX], Syscall(("mkdir",), "SCMP_ACT_ALLOW", args=somewhere), base="base")
    base = profile("base", [], Syscall(("mkdir",), "SCMP_ACT_ALLOW", args=(Argument(1, "SCMP_CMP_LT", 8),)))
    run_under(mine, base, directory=tmp_path, command=MAKE_DIRECTORY)

    assert made(tmp_path) is (mode == 0o777)


def test_a_name_that_the_kernel_does_not_know_does_no_harm(tmp_path: Path) -> None:
    allowed = [*RUNC, *BUSYBOX, "mkdir", "no_such_syscall"]
    ended = run_under(profile("p", allowed), directory=tmp_path, command=MAKE_DIRECTORY)

    assert (ended.returncode, ended.stderr) == (0, "")
