"""What the operator's processes cost in memory beside a real API server, without pods and with those of other nodes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from measure import MIB, Figure, Found, main
from pods import NAMESPACES as POD_NAMESPACES
from pods import creatable, realistic_pods

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from api_server import api_server  # noqa: E402

from spo.doors.wire import JSON, ApiRequest  # noqa: E402
from spo.model.resource import CRDS, NAMESPACES, PODS, SERVICE_ACCOUNTS, SPODS, Resource  # noqa: E402
from spo.real.transport import Transport  # noqa: E402

ASSETS = "KUBEBUILDER_ASSETS"
OURS = "security-profiles-operator"
COUNTS = (0, 3000)
WRITERS = 4
UP_WITHIN_S = 30.0
REST_S = 3.0  # after the last list, until nothing is on its way

ROLES = {"daemon": {"NODE_NAME": "the-daemons-own"}, "manager": {"OPERATOR_IMAGE": "spo:bench"}}
TARGETS = {"daemon": 48.0, "manager": 96.0}


class Api:
    """Makes things, with all rights."""

    def __init__(self, kubeconfig: Path) -> None:
        self._transport = Transport(kubeconfig, "spo-bench")

    def make(self, resource: Resource, manifest: dict[str, Any], namespace: str = "") -> None:
        body = json.dumps({"apiVersion": resource.api_version, "kind": resource.kind, **manifest}).encode()
        answer = self._transport.send(ApiRequest("POST", resource.path(namespace), (), JSON, body))
        assert answer.status == 201, answer.body

    def make_namespace(self, name: str) -> None:
        self.make(NAMESPACES, {"metadata": {"name": name}})
        self.make(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, name)  # no controller does it here

    def make_pods(self, count: int) -> None:
        """Of other nodes, as they stand in a real cluster."""
        pods = [creatable(pod) for pod in realistic_pods(count)]
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(lambda pod: self.make(PODS, pod, pod["metadata"]["namespace"]), pods))

    def install(self) -> None:
        for crd in sorted((ROOT / "deploy/crds").glob("*.yaml")):
            self.make(CRDS, yaml.safe_load(crd.read_text()))
        self.make_namespace(OURS)
        for pod in {pod["metadata"]["namespace"]: pod for pod in realistic_pods(POD_NAMESPACES * 50)}.values():
            self.make_namespace(pod["metadata"]["namespace"])
        end = time.monotonic() + UP_WITHIN_S
        while self._transport.send(ApiRequest("GET", SPODS.path(OURS))).status != 200:
            assert time.monotonic() < end, "the definitions are not served"
            time.sleep(0.1)


@contextmanager
def running(role: str, kubeconfig: Path, home: Path) -> Iterator[int]:
    """The role as a process of its own, ready; gives its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "spo.cli.main", role, "--kubeconfig", str(kubeconfig), "--port", str(port)]
    given = {**os.environ, **ROLES[role], "OPERATOR_NAMESPACE": OURS, "KUBELET_DIR": str(home), "POD_NAME": role}
    with (home / f"{role}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=given, stdout=log, stderr=subprocess.STDOUT)
    try:
        until_ready(port)
        time.sleep(REST_S)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def until_ready(port: int) -> None:
    end = time.monotonic() + UP_WITHIN_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < end, "it does not become ready"
            time.sleep(0.1)


def memory(process_id: int) -> Found:
    """Resident and anonymous memory, in MiB."""
    fields = dict(line.split()[:2] for line in Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()[1:])
    return {"resident_mib": int(fields["Rss:"]) * 1024 / MIB, "anonymous_mib": int(fields["Anonymous:"]) * 1024 / MIB}


def measured() -> dict[str, Found]:
    """Each role with each number of pods in the cluster."""
    found: dict[str, Found] = {}
    with api_server() as kubeconfig, TemporaryDirectory(prefix="spo-bench-") as home:
        api = Api(kubeconfig)
        api.install()
        for before, count in zip((0, *COUNTS), COUNTS, strict=False):
            api.make_pods(count - before)
            for role in ROLES:
                with running(role, kubeconfig, Path(home)) as process_id:
                    found[f"{role}, {count:,} pods"] = memory(process_id)
    return found


def report() -> tuple[list[Figure], dict[str, Any]]:
    if not os.environ.get(ASSETS):
        print(f"not applicable: {ASSETS} names no directory with etcd and kube-apiserver")
        return [], {}
    found = measured()
    figures: list[Figure] = []
    for role, target in TARGETS.items():
        for count in COUNTS:
            each = found[f"{role}, {count:,} pods"]
            about = f"{role} beside {count:,} pods of other nodes"
            figures.append(Figure(f"{about}, resident", each["resident_mib"], "MiB", target))
            figures.append(Figure(f"{about}, anonymous", each["anonymous_mib"], "MiB"))
    few, many = (found[f"daemon, {count:,} pods"]["resident_mib"] for count in COUNTS)
    figures.append(Figure("what those pods cost the daemon", abs(many / few - 1) * 100, "%", 5))
    return figures, {"processes": found}


if __name__ == "__main__":
    main("daemon", report)
