"""Which files the simulated runc makes a filter of, by its release. That runc says the same, the kernel tests tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from manifests import pod, under
from pod_views import create, main

from spo.sim.cluster import SimulatedCluster
from spo.sim.node.disk import Disk
from spo.sim.node.kernel import BadProfile, Decision
from spo.sim.node.runtime import SECCOMP_ROOT, CannotStart, Confinement, filter_of
from spo.sim.node.seccomp_loading import make_filter

LOCALHOST = Confinement("Localhost", "operator/default/a.json")
PATH = f"{SECCOMP_ROOT}/operator/default/a.json"
AGENT = "/var/run/security-profiles-operator/agent.sock"
FAILED = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
FLAG = "SECCOMP_FILTER_FLAG_LOG"
MODE = [{"index": 1, "op": "SCMP_CMP_EQ", "value": 511}]


def file(*rules: dict[str, Any], default: str = "SCMP_ACT_ALLOW", **more: Any) -> bytes:
    return json.dumps({"defaultAction": default, "syscalls": rules, **more}).encode()


def rule(action: str = "SCMP_ACT_ERRNO", name: str = "mkdir", **more: Any) -> dict[str, Any]:
    return {"names": [name], "action": action, **more}


TWO_ACTIONS = file(rule(args=MODE), rule("SCMP_ACT_KILL", args=MODE))
EINVAL = "two checks on same syscall argument"


def refusal(data: bytes, runc: str = "1.1.5") -> str:
    try:
        make_filter(data, runc)
    except BadProfile as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("runc", "flag", "said"),
    [
        ("1.1.5", FLAG, "seccomp flags are not yet supported by runc"),
        ("1.0", FLAG, "seccomp flags are not yet supported by runc"),
        ("1.2.0-rc.1", FLAG, ""),
        ("1.10.0", FLAG, ""),
        ("2.0.0", FLAG, ""),
        ("1.2.0", "SECCOMP_FILTER_FLAG_TSYNC", ""),
        ("1.2.0", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", ""),
        (
            "1.4.0",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
            "seccomp flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is not known to runc",
        ),
    ],
)
def test_flags_are_taken_from_1_2_on(runc: str, flag: str, said: str) -> None:
    assert refusal(file(rule(), flags=[flag]), runc) == said


@pytest.mark.parametrize(
    ("runc", "name", "known"),
    [
        ("1.1.5", "AARCH64", True),
        ("1.1.5", "RISCV64", False),
        ("1.2.0", "RISCV64", True),
        ("1.4.0", "PARISC", False),
        ("1.4.0", "PDP11", False),
    ],
)
def test_an_architecture_that_runc_does_not_know_is_refused(runc: str, name: str, known: bool) -> None:
    said = refusal(file(rule(), architectures=["SCMP_ARCH_X86_64", f"SCMP_ARCH_{name}"]), runc)
    assert said == ("" if known else f"string SCMP_ARCH_{name} is not a valid arch for seccomp")


def test_the_other_byte_order_is_refused() -> None:
    for listed in (["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"], ["SCMP_ARCH_PPC64"]):
        assert refusal(file(rule(), architectures=listed)) == (
            "unable to start container process: unable to init seccomp: error adding architecture to seccomp filter: "
            "numerical argument out of domain"
        )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            file(rule(args=MODE), rule("SCMP_ACT_KILL", args=MODE)),
            "error adding seccomp rule for syscall mkdir: file exists",
        ),
        (file(rule(args=MODE), rule(args=MODE)), ""),
        (file(rule(args=MODE), rule("SCMP_ACT_KILL")), ""),
        (file(rule(name="no_such", args=MODE), rule("SCMP_ACT_KILL", "no_such", args=MODE)), ""),
        (
            file(rule(name="socket", args=MODE), rule("SCMP_ACT_KILL", "socket"), architectures=["SCMP_ARCH_X86"]),
            "error adding seccomp filter rule for syscall socket: file exists",
        ),
        (file(rule(name="socket", args=MODE), rule("SCMP_ACT_KILL", "socket")), ""),
        (
            file(rule(errnoRet=4095)),
            "error adding seccomp filter rule for syscall mkdir: two checks on same syscall argument",
        ),
        (file(rule(errnoRet=4094)), ""),
        (file(rule("SCMP_ACT_TRACE", errnoRet=4095)), ""),
        (file(rule("SCMP_ACT_NOTIFY", "write")), "SCMP_ACT_NOTIFY cannot be used for the write syscall"),
        (file(rule(), default="SCMP_ACT_NOTIFY"), "SCMP_ACT_NOTIFY cannot be used as default action"),
    ],
)
def test_what_init_cannot_load_is_refused_in_its_words(data: bytes, said: str) -> None:
    begins = "unable to start container process: unable to init seccomp: "
    assert refusal(data) == (begins + said if said else "")


def test_of_an_error_number_sixteen_bits_count() -> None:
    """65536 is 0: the call says that it succeeded, and does nothing."""
    assert make_filter(file(rule(errnoRet=65536))).verdict("mkdir") == Decision("ERRNO", 0)
    assert make_filter(file(rule(errnoRet=65536 + 13))).verdict("mkdir") == Decision("ERRNO", 13)
    assert "two checks on same syscall argument" in refusal(file(rule(errnoRet=70000)))


def test_whoever_is_asked_must_listen() -> None:
    disk = Disk()
    disk.write(PATH, file(rule("SCMP_ACT_NOTIFY")))
    with pytest.raises(CannotStart) as refused:
        filter_of(disk, LOCALHOST)
    assert str(refused.value) == f"{FAILED}unable to start container process: listenerPath is not set: unknown"

    disk.write(PATH, file(rule("SCMP_ACT_NOTIFY"), listenerPath=AGENT))
    with pytest.raises(CannotStart) as refused:
        filter_of(disk, LOCALHOST)
    assert str(refused.value) == (
        f"{FAILED}unable to start container process: failed to connect with seccomp agent specified in the seccomp "
        f"profile: dial unix {AGENT}: connect: no such file or directory: unknown"
    )

    disk.write(AGENT, b"")
    assert filter_of(disk, LOCALHOST).listener == AGENT


def test_nobody_need_listen_where_nobody_is_asked() -> None:
    disk = Disk()
    disk.write(PATH, file(rule(), listenerPath=AGENT))

    assert not filter_of(disk, LOCALHOST).asks


@pytest.mark.parametrize(("runc", "starts"), [("1.1.5", False), ("1.2.4", True)])
def test_the_nodes_of_a_cluster_have_the_runc_they_are_given(runc: str, starts: bool) -> None:
    cluster = SimulatedCluster(nodes=1, runc=runc)
    cluster.rest()
    node = cluster.nodes["node-1"]
    node.disk.write(PATH, file(rule(), flags=[FLAG]))
    create(cluster, pod("p", securityContext=under("operator/default/a.json")))

    assert node.runc == runc
    assert ("running" in main(cluster)["state"]) is starts
    if not starts:
        waiting = main(cluster)["state"]["waiting"]
        assert waiting["reason"] == "RunContainerError"
        assert waiting["message"] == f"{FAILED}seccomp flags are not yet supported by runc: unknown"


def test_a_new_node_has_it_too() -> None:
    cluster = SimulatedCluster(nodes=1, runc="1.2.4")
    assert cluster.add_node("another").runc == "1.2.4"
    assert SimulatedCluster(nodes=1).nodes["node-1"].runc == "1.1.5"
