"""A real API server of a test's own: etcd and kube-apiserver on free ports, nothing of them left behind."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

TOKEN = "of-a-test"
UP_WITHIN_S = 90


@contextmanager
def api_server() -> Iterator[Path]:
    """Start both; gives the path of a kubeconfig with all rights. There are no controllers and no nodes.

    Skips, with the reason, unless KUBEBUILDER_ASSETS names a directory with etcd, kube-apiserver and kubectl, as for
    the tests of any other operator.
    """
    assets = assets_or_skip()
    with TemporaryDirectory(prefix="spo-api-") as scratch, ExitStack() as running:
        home = Path(scratch)
        client, peer, secure = free_ports(3)
        key = home / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (home / "tokens.csv").write_text(f"{TOKEN},admin,1,system:masters\n")
        etcd = [assets / "etcd", "--data-dir", home / "etcd", "--log-level", "error", "--unsafe-no-fsync"]
        for flag, port in (("client", client), ("peer", peer)):
            etcd.append(f"--listen-{flag}-urls=http://127.0.0.1:{port}")
        etcd += [f"--advertise-client-urls=http://127.0.0.1:{client}"]
        etcd += [
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
        ]
        server = [
            assets / "kube-apiserver",
            "--etcd-servers",
            f"http://127.0.0.1:{client}",
            "--cert-dir",
            home / "certs",
        ]
        server += ["--secure-port", str(secure), "--bind-address", "127.0.0.1", "--authorization-mode", "RBAC"]
        server += ["--token-auth-file", home / "tokens.csv", "--service-account-issuer", "https://spo.test"]
        server += ["--service-account-key-file", key, "--service-account-signing-key-file", key]
        server += ["--service-cluster-ip-range", "10.0.0.0/24"]
        for command in (etcd, server):
            running.enter_context(process([str(part) for part in command], home / "log"))
        wait(f"https://127.0.0.1:{secure}/readyz", home / "log")
        yield kubeconfig(home / "kubeconfig", secure)


def assets_or_skip() -> Path:
    """Where the programs are; skips if that is not said, or they are not there."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if not named:
        pytest.skip("KUBEBUILDER_ASSETS names no directory with etcd, kube-apiserver and kubectl")
    missing = [name for name in ("etcd", "kube-apiserver", "kubectl") if not (Path(named) / name).exists()]
    if missing or not shutil.which("openssl"):
        pytest.skip(f"not there: {', '.join(missing or ['openssl'])}")
    return Path(named)


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


@contextmanager
def process(command: list[str], log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        started = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        started.terminate()
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait(url: str, log: Path) -> None:
    context = ssl._create_unverified_context()  # its certificate is its own, made a moment ago
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    end = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(request, context=context, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the API server did not come up in {UP_WITHIN_S} s: {log.read_text()[-2000:]}")


def kubeconfig(path: Path, port: int) -> Path:
    cluster = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
    }
    path.write_text(json.dumps(config))
    return path
