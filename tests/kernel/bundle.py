"""A container with one static program, started by runc under a given seccomp profile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BUSYBOX = Path("/bin/busybox")
NAMESPACES = ("pid", "mount", "ipc", "uts", "network")


def runc() -> str:
    """The runtime's path; skips, with the reason, where it cannot run."""
    if os.geteuid() != 0:
        pytest.skip("starting a container needs root")
    if os.uname().machine != "x86_64":
        pytest.skip("the lists of syscalls were measured on x86_64")
    if "Seccomp:" not in Path("/proc/self/status").read_text():
        pytest.skip("this kernel has no seccomp")
    found = shutil.which("runc")
    if found is None:
        pytest.skip("runc is not installed (Debian package runc)")
    if not _is_static(BUSYBOX):
        pytest.skip("there is no static /bin/busybox (Debian package busybox-static)")
    return found


def _is_static(program: Path) -> bool:
    """A dynamic program has an interpreter, and names it in its first page."""
    return program.exists() and b"/ld-linux" not in program.read_bytes()[:4096]


def make_bundle(directory: Path, command: list[str], profile: dict[str, Any]) -> Path:
    """An OCI bundle of busybox, with what a kubelet makes of the profile's file in `linux.seccomp`."""
    for name in ("bin", "proc"):
        (directory / "rootfs" / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, directory / "rootfs/bin/busybox")
    config = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/busybox", *command],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": True,  # the filter goes on just before execve: the runtime itself needs few syscalls
        },
        "root": {"path": "rootfs", "readonly": False},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": [{"type": each} for each in NAMESPACES], "seccomp": profile},
    }
    (directory / "config.json").write_text(json.dumps(config))
    return directory


def run(directory: Path, command: list[str], profile: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Start `busybox COMMAND` under `profile`, wait for its end."""
    name = f"spo-test-{os.getpid()}-{directory.name}"
    state = directory / "state"
    bundle = make_bundle(directory / "bundle", command, profile)
    call = [runc(), "--root", str(state), "run", "--bundle", str(bundle), name]
    return subprocess.run(call, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
