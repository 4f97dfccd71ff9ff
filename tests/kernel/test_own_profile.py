"""The operator's own profile: manager and daemon do all their work under it, and the kernel refuses them the rest."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spo.doors.wire import ApiRequest
from spo.model.resource import LEASES, NAMESPACES, NODE_STATUSES, SECCOMP_PROFILES, SPODS
from spo.reconcile.leader import LOCK
from spo.render.bases import BASES, Base
from spo.render.own_profile import DATA, FILE
from tests.conformance.cluster.served import Face
from tests.kernel.seccomp import library
from tests.kernel.test_bases import CALLED, CASES, Starter

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parent.parent.parent
OURS = "security-profiles-operator"
WITHIN_S = 30.0
# Held to the profile, a process becomes another program, which cannot get out of it.
HELD = """
import json, os, sys
from tests.kernel.seccomp import hold_to
hold_to(json.loads(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""


def under_it(*command: str, **variables: str) -> subprocess.Popen[str]:
    library()
    held = [sys.executable, "-c", HELD, DATA.decode(), sys.executable, *command]
    return subprocess.Popen(
        held,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"not in {WITHIN_S} s"
        time.sleep(0.05)


def ended_well(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line for line in lines if line["level"] != "info"] == []


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
@pytest.mark.parametrize(("no_new_privileges", "user"), CASES)
def test_a_container_starts_under_it_with_either_runtime(
    base: Base, no_new_privileges: bool, user: int, tmp_path: Path
) -> None:
    ended = Starter(base, tmp_path).start(json.loads(DATA), no_new_privileges, user)
    assert (ended.returncode, ended.stderr) == (CALLED, "")


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    made = Face(tmp_path, ours=True)
    made.made(NAMESPACES, {"metadata": {"name": OURS}})
    yield made
    made.close()


@pytest.fixture
def role(face: Face) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(name: str, **variables: str) -> subprocess.Popen[str]:
        kubeconfig = str(face.kubeconfig({"token": "admin-token"}))
        command = ["-m", "spo.cli.main", name, "--kubeconfig", kubeconfig, "--port", free_port()]
        started.append(under_it(*command, OPERATOR_NAMESPACE=OURS, POD_NAME=f"{name}-1", **variables))
        return started[-1]

    yield start
    for each in started:
        if each.poll() is None:
            each.kill()
        each.communicate()


def test_the_manager_leads_and_makes_the_default_spod(face: Face, role: Any) -> None:
    manager = role("manager", OPERATOR_IMAGE="spo:test")
    until(lambda: face.send(ApiRequest("GET", SPODS.path(OURS, "spod")))[0] == 200, manager)
    assert face.send(ApiRequest("GET", LEASES.path(OURS, LOCK)))[1]["spec"]["holderIdentity"] == "manager-1"
    ended_well(manager)


def test_the_daemon_writes_restores_and_removes_files(face: Face, role: Any, tmp_path: Path) -> None:
    face.made(SPODS, {"metadata": {"name": "spod"}}, namespace=OURS)
    profile = {"metadata": {"name": "p", "finalizers": ["spo.x-k8s.io/profile"]}}
    face.made(SECCOMP_PROFILES, {**profile, "spec": {"defaultAction": "SCMP_ACT_LOG"}})
    daemon = role("daemon", NODE_NAME="node-1", KUBELET_DIR=str(tmp_path / "kubelet"))
    root = tmp_path / "kubelet/seccomp/operator"
    file = root / face.namespace / "p.json"
    until(lambda: "Installed" in json.dumps(face.listed(NODE_STATUSES)), daemon)
    for each in (file, root / FILE):
        each.unlink()
    until(lambda: file.exists() and (root / FILE).read_bytes() == DATA, daemon)

    path = SECCOMP_PROFILES.path(face.namespace, "p")
    patch = {"metadata": {"finalizers": None}}
    face.send(ApiRequest("PATCH", path, content_type="application/merge-patch+json", body=json.dumps(patch).encode()))
    face.send(ApiRequest("DELETE", path))
    until(lambda: not file.parent.exists(), daemon)
    ended_well(daemon)


@pytest.mark.parametrize(
    "deed",
    [
        "os.symlink('/etc', 'link')",
        "os.mkfifo('pipe')",
        "os.chown('.', 0, 0)",
        "os.chroot('.')",
        "socket.sethostname('other')",
        "os.setxattr('.', 'user.a', b'')",
        "os.memfd_create('x')",
    ],
)
def test_what_no_process_of_ours_does_the_kernel_refuses(deed: str, tmp_path: Path) -> None:
    process = under_it("-c", f"import os, socket; os.chdir({str(tmp_path)!r}); {deed}")
    _, err = process.communicate(timeout=WITHIN_S)
    assert "Operation not permitted" in err
