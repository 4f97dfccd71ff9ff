"""What containerd and runc do between the kubelet's wish and the first instruction of the workload.

Recorded: the texts about a missing profile file and about each syscall that runc's own init lacks (Kubernetes 1.36,
containerd 1.6.20, runc 1.1.5, without noNewPrivileges), and which those are (docs/kernel.md 3). The other texts follow
the wording of containerd 1.6 and runc 1.1 and were not recorded. How a filter is made: `seccomp_loading`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from spo.sim.node.disk import MESSAGES, Disk, DiskRefused
from spo.sim.node.kernel import ENOSYS, EPERM, UNCONFINED, BadProfile, Decision, Filter
from spo.sim.node.seccomp_loading import RUNC, make_filter

SECCOMP_ROOT = "/var/lib/kubelet/seccomp"
ERRNO_TEXT = {1: "operation not permitted", 13: "permission denied", 38: "function not implemented"}

RUNC_FAILED = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
)
INIT_FAILED = RUNC_FAILED + "unable to start container process: "
NOBODY_LISTENS = (
    "failed to connect with seccomp agent specified in the seccomp profile: dial unix {path}: connect: no such file or "
    "directory: unknown"
)

# What runc's init needs, in the order in which it needs it, and what it says when the call fails.
TEXT_OF = {
    "openat": "error closing exec fds: open /proc/self/fd: ",
    "fstatfs": "error closing exec fds: ensure /proc/self/fd is on procfs: ",
    "getdents64": "error closing exec fds: readdirent /proc/self/fd: ",
    "capget": "",
    "read": "read /proc/self/status: ",
    "prctl": "unable to apply bounding set: ",
    "newfstatat": "unable to setup user: stat /dev/null: ",
    "fstat": "unable to setup user: fstat /dev/stdin: ",
    "setgroups": "unable to setup user: setgroups: ",
    "setgid": "unable to setup user: ",
    "setuid": "unable to setup user: ",
    "chdir": 'chdir to cwd ("/") set in config.json failed: ',
    "getcwd": "failed to verify if current working directory is safe: ",
    "capset": "unable to apply caps: ",
    "getppid": "",
    "faccessat2": "exec {program}: ",
}
# Without these it cannot tell its parent how it fares; containerd says what it makes of that.
MUTE = {
    "write": "OCI runtime start failed: cannot start an already running container",
    "close": "cannot start a stopped process",
}
ORDER = (*TEXT_OF, *MUTE)


class CannotCreate(Exception):
    """The container cannot be made. The kubelet shows CreateContainerError. `path`: the file that must change first."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class CannotStart(Exception):
    """The container was made, but its process does not come up. The kubelet shows RunContainerError."""


class Confinement(Struct, frozen=True):
    """How one container asks to be confined."""

    kind: str = "Unconfined"  # RuntimeDefault, Localhost, Unconfined
    localhost_profile: str = ""
    no_new_privileges: bool = False

    @property
    def path(self) -> str:
        """The profile file on the node; empty if there is none."""
        return posixpath.join(SECCOMP_ROOT, self.localhost_profile) if self.kind == "Localhost" else ""


def confinement(pod_spec: Mapping[str, Any], container: Mapping[str, Any]) -> Confinement:
    """The container's own seccomp profile, else the pod's, else none; a privileged container is never confined."""
    context = container.get("securityContext") or {}
    no_new_privileges = context.get("allowPrivilegeEscalation") is False
    if context.get("privileged"):
        return Confinement(no_new_privileges=no_new_privileges)
    of_pod = pod_spec.get("securityContext") or {}
    profile = context.get("seccompProfile") or of_pod.get("seccompProfile") or {}
    return Confinement(profile.get("type", "Unconfined"), profile.get("localhostProfile", ""), no_new_privileges)


def filter_of(disk: Disk, wanted: Confinement, runc: str = RUNC) -> Filter:
    """Read and compile the profile. Raises CannotCreate (no such file, not JSON) or CannotStart (runc refuses it).

    Whoever is to be asked listens, if there is anything at the path of its socket.

    The runtime's default profile lets all through here: what it blocks, ordinary workloads do not do.
    """
    if wanted.kind != "Localhost":
        return UNCONFINED
    path = posixpath.normpath(wanted.path)
    try:
        data = disk.read(path)
    except DiskRefused as error:
        why = MESSAGES.get(error.reason, error.reason)
        text = f'failed to create containerd container: cannot load seccomp profile "{path}": open {path}: {why}'
        raise CannotCreate(text, path if error.reason == "ENOENT" else "") from error
    try:
        made = make_filter(data, runc)
    except BadProfile as error:
        if str(error).startswith("decoding"):
            raise CannotCreate(f"failed to create containerd container: {error}", path) from error
        raise CannotStart(RUNC_FAILED + f"{error}: unknown") from error
    if made.asks and not disk.exists(made.listener):
        raise CannotStart(INIT_FAILED + NOBODY_LISTENS.format(path=made.listener))
    return made


class StartCall(Struct, frozen=True):
    """One syscall of runc's init under the container's filter; `needed`: without it the container does not start."""

    name: str
    needed: bool


@cache
def start_calls(no_new_privileges: bool) -> tuple[StartCall, ...]:
    """What runc does between loading the filter and execve: without noNewPrivileges it loads the filter earlier."""
    column, mark = (1, "nnp=true") if no_new_privileges else (2, "nnp=false")
    text = files("spo.sim.node").joinpath("data/base-syscalls-runc.txt").read_text()
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    calls = [StartCall(row[0], mark in row[5].split("/")) for row in rows if row[column] == "x"]
    return tuple(sorted(calls, key=lambda call: ORDER.index(call.name) if call.name in ORDER else len(ORDER)))


def start(loaded: Filter, no_new_privileges: bool, container: str, program: str) -> list[tuple[str, Decision]]:
    """Come up under the filter; gives the calls that were logged. Raises CannotStart, in runc's words.

    The last call, `execve`, comes when the container counts as started already: refused, it ends at once, with code 1.
    """
    logged = []
    for call in start_calls(no_new_privileges):
        verdict = loaded.verdict(call.name)
        if verdict.is_audited:
            logged.append((call.name, verdict))
        if verdict.kills:
            raise Killed(INIT_FAILED + "EOF: unknown", logged)
        if not verdict.lets_pass and call.needed and call.name != "execve":
            raise CannotStart(_text(call.name, verdict, container, program))
    return logged


class Killed(CannotStart):
    """The kernel ended runc's init; what it logged is in the audit log all the same."""

    def __init__(self, message: str, logged: list[tuple[str, Decision]]) -> None:
        super().__init__(message)
        self.logged = logged


def _text(name: str, verdict: Decision, container: str, program: str) -> str:
    if name in MUTE:
        return f'failed to start containerd task "{container}": {MUTE[name]}: unknown'
    errno = ENOSYS if verdict.action in ("TRACE", "NOTIFY") else verdict.errno or EPERM
    said = TEXT_OF.get(name, f"{name}: ").format(program=program)
    return f"{INIT_FAILED}{said}{ERRNO_TEXT.get(errno, f'errno {errno}')}: unknown"
