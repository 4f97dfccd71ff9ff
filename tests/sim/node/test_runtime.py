"""The runtime: which profile it loads, and whether it comes up under it."""

from __future__ import annotations

import json

import pytest

from spo.sim.faults import Fault, Faults, Site
from spo.sim.faults.fates import DiskFault
from spo.sim.node import runtime
from spo.sim.node.disk import Disk
from spo.sim.node.kernel import UNCONFINED, Filter, load
from spo.sim.node.runtime import CannotCreate, CannotStart, Confinement, confinement
from spo.sim.timeline import Timeline

PATH = "/var/lib/kubelet/seccomp/operator/default/a.json"
LOCALHOST = Confinement("Localhost", "operator/default/a.json")


def allowing(*names: str, default: str = "SCMP_ACT_ERRNO") -> Filter:
    rules = [{"names": list(names), "action": "SCMP_ACT_ALLOW"}]
    return load(json.dumps({"defaultAction": default, "syscalls": rules}).encode())


def needed(no_new_privileges: bool) -> list[str]:
    return [call.name for call in runtime.start_calls(no_new_privileges)]


def test_the_containers_own_profile_counts_before_the_pods() -> None:
    of_pod = {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}
    own = {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}}}

    assert confinement(of_pod, own).path == "/var/lib/kubelet/seccomp/a.json"
    assert confinement(of_pod, {}).kind == "RuntimeDefault"
    assert confinement({}, {}).kind == "Unconfined"


def test_a_privileged_container_is_never_confined() -> None:
    of_pod = {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}}}

    assert confinement(of_pod, {"securityContext": {"privileged": True}}).kind == "Unconfined"


def test_a_missing_file_is_refused_as_recorded() -> None:
    with pytest.raises(CannotCreate) as refused:
        runtime.filter_of(Disk(), LOCALHOST)

    assert str(refused.value) == (
        f'failed to create containerd container: cannot load seccomp profile "{PATH}": open {PATH}: '
        "no such file or directory"
    )
    assert refused.value.path == PATH


def test_a_disk_that_cannot_be_read_is_told() -> None:
    faults = Faults(Timeline())
    disk = Disk("node-1", faults.gate(Site.DISK))
    disk.write(PATH, b"{}")
    faults.add(Fault(Site.DISK, DiskFault("EIO"), what="read"))

    with pytest.raises(CannotCreate, match="input/output error"):
        runtime.filter_of(disk, LOCALHOST)


def test_a_file_that_is_not_a_profile_cannot_be_created_from_and_a_wrong_one_not_started() -> None:
    disk = Disk()
    disk.write(PATH, b"not json")
    with pytest.raises(CannotCreate, match="decoding seccomp profile failed"):
        runtime.filter_of(disk, LOCALHOST)

    disk.write(PATH, b'{"defaultAction": "SCMP_ACT_NO"}')
    with pytest.raises(CannotStart, match="string SCMP_ACT_NO is not a valid action for seccomp"):
        runtime.filter_of(disk, LOCALHOST)


def test_only_localhost_profiles_are_read_from_the_disk() -> None:
    assert runtime.filter_of(Disk(), Confinement("RuntimeDefault")) is UNCONFINED
    assert runtime.filter_of(Disk(), Confinement()) is UNCONFINED


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_the_runtimes_own_syscalls_are_enough_to_come_up(no_new_privileges: bool) -> None:
    assert runtime.start(allowing(*needed(no_new_privileges)), no_new_privileges, "main", "/bin/app") == []


def test_without_new_privileges_the_runtime_needs_fewer() -> None:
    assert len(needed(True)) == 10
    assert len(needed(False)) == 25
    with pytest.raises(CannotStart):
        runtime.start(allowing(*needed(True)), False, "main", "/bin/app")


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ("capset", "unable to apply caps: operation not permitted"),
        ("faccessat2", "unable to start container process: exec /bin/app: operation not permitted"),
        ("write", 'failed to start containerd task "main": OCI runtime start failed: cannot start an already running'),
        ("close", 'failed to start containerd task "main": cannot start a stopped process: unknown'),
    ],
)
def test_a_missing_syscall_of_its_own_keeps_it_from_starting(missing: str, text: str) -> None:
    others = [name for name in needed(False) if name != missing]

    with pytest.raises(CannotStart, match=text):
        runtime.start(allowing(*others), False, "main", "/bin/app")


def test_of_all_that_is_missing_it_names_what_it_needs_first() -> None:
    """Recorded: a profile without any base."""
    with pytest.raises(
        CannotStart, match="unable to start container process: error closing exec fds: open /proc/self/fd"
    ):
        runtime.start(allowing("write", "exit_group"), False, "main", "/bin/app")


def test_a_syscall_it_can_do_without_is_no_matter() -> None:
    others = [name for name in needed(False) if name != "futex"]

    runtime.start(allowing(*others), False, "main", "/bin/app")


def test_what_is_logged_while_it_comes_up_is_told() -> None:
    logged = runtime.start(allowing("execve", default="SCMP_ACT_LOG"), True, "main", "/bin/app")

    assert sorted(name for name, _ in logged) == sorted(set(needed(True)) - {"execve"})


def test_a_kernel_that_kills_ends_it() -> None:
    with pytest.raises(runtime.Killed) as killed:
        runtime.start(allowing(default="SCMP_ACT_KILL_PROCESS"), True, "main", "/bin/app")

    assert [name for name, _ in killed.value.logged] == ["openat"]
