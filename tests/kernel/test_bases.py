"""The base profiles that ship with the operator: a container really starts with one, and none of its calls is idle."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from spo.model.meta import ObjectMeta
from spo.model.seccomp import SeccompProfile, SeccompProfileSpec, Syscall
from spo.render.bases import BASES, RUNC, Base, shipped
from spo.render.resolve import resolve
from spo.render.seccomp import render
from tests.kernel.bundle import NAMESPACES, runc

pytestmark = pytest.mark.kernel

OPERATOR = "security-profiles-operator"
UNIFIED = Path("/sys/fs/cgroup/unified")
# On a host with both cgroup hierarchies crun insists on the second, whose controllers belong to the first.
HIDE_UNIFIED = ["unshare", "-m", "--propagation", "private", "sh", "-c", f'umount {UNIFIED}; exec "$@"', "x"]
CASES = [(nnp, user) for nnp in (True, False) for user in (0, 1000)]
CALLED = 42  # the program's only call is exit_group(42): all else that is called is the runtime's
TRIES = 3
# What Go calls or not, as its threads happen to be scheduled.
SCHEDULING = {
    "epoll_ctl",
    "epoll_pwait",
    "futex",
    "getpid",
    "mmap",
    "nanosleep",
    "rt_sigreturn",
    "sched_yield",
    "tgkill",
}


def quitter() -> bytes:
    """A static program without a C library: `mov eax, 231; mov edi, 42; syscall`."""
    code = bytes.fromhex("b8e7000000") + b"\xbf" + struct.pack("<I", CALLED) + bytes.fromhex("0f05")
    base, header = 0x400000, 64 + 56
    size = header + len(code)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    elf = ident + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + header, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000) + code


def runtime(base: Base) -> list[str]:
    """How the base's runtime is called; skips, with the reason, where it cannot run."""
    if base is RUNC:
        return [runc()]
    runc()  # what both need
    found = shutil.which("crun")
    if found is None:
        pytest.skip("crun is not installed (Debian package crun)")
    return [*(HIDE_UNIFIED if UNIFIED.exists() else []), found]


def file_with(base: Base, own: Iterable[str], without: str = "") -> dict[str, Any]:
    """The file of a profile that names the base and allows what its program calls; `without` one of the base's."""
    spec = SeccompProfileSpec("SCMP_ACT_ERRNO", base_profile_name=base.name, syscalls=(_allow(own),))
    mine = SeccompProfile(spec, ObjectMeta(name="mine", namespace="default"))
    (found,) = [each for each in shipped(OPERATOR) if each.metadata.name == base.name]
    left = found.with_syscalls(_allow(name for name in found.spec.syscalls[0].names if name != without))
    resolved = resolve(mine, lambda namespace, name: left if namespace == OPERATOR else None, OPERATOR)
    assert resolved.problem is None
    decoded: dict[str, Any] = json.loads(render(resolved))
    return decoded


def _allow(names: Iterable[str]) -> Syscall:
    return Syscall(tuple(names), "SCMP_ACT_ALLOW")


class Starter:
    """Starts one-call containers under a runtime, each in a directory of its own."""

    def __init__(self, base: Base, directory: Path) -> None:
        self._call = runtime(base)
        self._directory = directory
        self._count = 0

    def start(self, profile: dict[str, Any], no_new_privileges: bool, user: int) -> subprocess.CompletedProcess[str]:
        self._count += 1
        bundle = self._directory / str(self._count)
        for name in ("dev", "proc"):
            (bundle / "rootfs" / name).mkdir(parents=True)
        program = bundle / "rootfs/quit"
        program.write_bytes(quitter())
        program.chmod(0o755)
        process = {
            "terminal": False,
            "user": {"uid": user, "gid": user},
            "args": ["/quit"],
            "cwd": "/",
            "noNewPrivileges": no_new_privileges,
        }
        config = {
            "ociVersion": "1.0.2",
            "process": process,
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
            "linux": {"namespaces": [{"type": each} for each in NAMESPACES], "seccomp": profile},
        }
        (bundle / "config.json").write_text(json.dumps(config))
        name = f"spo-base-{os.getpid()}-{self._count}"
        root = str(self._directory / "state")
        call = [*self._call, "--root", root, "run", "--bundle", str(bundle), name]
        ended = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        if ended.returncode != CALLED:  # what did not start may be left lying about
            subprocess.run([*self._call, "--root", root, "delete", "-f", name], capture_output=True, check=False)
        return ended


@pytest.fixture(params=BASES, ids=lambda base: base.name)
def base(request: pytest.FixtureRequest) -> Base:
    found: Base = request.param
    return found


@pytest.fixture
def starter(base: Base, tmp_path: Path) -> Starter:
    return Starter(base, tmp_path)


@pytest.mark.parametrize(("no_new_privileges", "user"), CASES)
def test_a_container_starts_with_base_and_its_own_calls(
    base: Base, starter: Starter, no_new_privileges: bool, user: int
) -> None:
    for _ in range(TRIES):
        ended = starter.start(file_with(base, ["exit_group"]), no_new_privileges, user)
        assert (ended.returncode, ended.stderr) == (CALLED, "")


def test_without_the_base_it_does_not_start(base: Base, starter: Starter) -> None:
    alone = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["exit_group"], "action": "SCMP_ACT_ALLOW"}]}

    assert starter.start(alone, no_new_privileges=False, user=1000).returncode != CALLED


def test_each_call_that_is_marked_indispensable_is(base: Base, starter: Starter) -> None:
    """Left out alone, it keeps the container from starting, in one case or another."""
    idle = [
        name
        for name in base.indispensable
        if all(starter.start(file_with(base, ["exit_group"], name), *case).returncode == CALLED for case in CASES)
    ]
    assert idle == []


def test_a_start_does_without_each_of_the_others(base: Base, starter: Starter) -> None:
    """Else it would be marked. (Under load, or for `exec`, the runtime calls them: they stay in the base.)"""
    names = {*base.measured.split(), *base.extras.split()} - set(base.indispensable)
    wanted = [
        name
        for name in sorted(names)
        if any(starter.start(file_with(base, ["exit_group"], name), *case).returncode != CALLED for case in CASES)
    ]
    assert set(wanted) <= SCHEDULING
