"""helm, with our own chart, and one that has hooks, a CRD with its objects, a test, and asks while it is rendered."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spo.model import kinds
from spo.model.resource import LEASES, SECCOMP_PROFILES, Resource
from spo.sim.api.builtin import KINDS
from spo.sim.cluster import SimulatedCluster
from spo.sim.http.background import BackgroundServer
from spo.testbed.world import boot

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("SPO_HELM_CACHE") or Path.home() / ".cache/spo-helm")
PROGRAMS = sorted(CACHE.glob("*/helm"))
CHART = HERE / "chart"
OUR_CHART = HERE.parent.parent / "deploy" / "chart"
SHORTLY = ("--wait", "--timeout", "20s")

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="helm is not built here: make helm")
Helm = Callable[..., subprocess.CompletedProcess[str]]


def helm_for(kubeconfig: Path, home: Path) -> Helm:
    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(home), "PATH": os.environ["PATH"]}
        command = [str(PROGRAMS[-1]), *arguments, "--namespace", "charts"]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert said.returncode == code, said.stdout + said.stderr
        return said

    return run


@pytest.fixture
def helm(spo_kubeconfig: Path, tmp_path: Path) -> Helm:
    return helm_for(spo_kubeconfig, tmp_path)


def revisions(helm: Helm) -> list[tuple[int, str]]:
    history: list[dict[str, Any]] = json.loads(helm("history", "web", "-o", "json").stdout)
    return [(each["revision"], each["status"]) for each in history]


def test_a_release_from_its_installation_to_its_end(helm: Helm) -> None:
    helm("install", "web", str(CHART), "--create-namespace", *SHORTLY)
    assert [each["status"] for each in json.loads(helm("list", "-o", "json").stdout)] == ["deployed"]
    assert 'found: "no"' in helm("get", "manifest", "web").stdout
    assert "tested" in helm("test", "web", "--logs").stdout

    helm("upgrade", "web", str(CHART), "--set", "replicas=3", *SHORTLY)
    refused = helm("upgrade", "web", str(CHART), "--set", "fails=true", "--wait", "--timeout", "2s", code=1)
    assert "Deployment/charts/web not ready" in refused.stderr
    assert revisions(helm) == [(1, "superseded"), (2, "deployed"), (3, "failed")]

    helm("rollback", "web", "2", *SHORTLY)
    assert revisions(helm)[-1] == (4, "deployed")
    assert "replicas: 3" in helm("get", "values", "web").stdout

    helm("uninstall", "web", *SHORTLY)
    assert json.loads(helm("list", "-o", "json").stdout) == []


def test_a_dry_run_asks_the_server_and_leaves_nothing(helm: Helm) -> None:
    helm("upgrade", "--install", "web", str(CHART), "--create-namespace", "--set", "widget=false", "--dry-run=server")

    assert json.loads(helm("list", "-o", "json").stdout) == []


# -- our own chart ---------------------------------------------------------------------------------------------------

# What it brings, or the operator makes, is labelled; but for the managers' lease.
LABELLED = (
    *("Deployment", "DaemonSet", "Job", "Pod", "ServiceAccount"),
    *("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
)
FILES = "/var/lib/kubelet/seccomp/operator"


class Served:
    """A cluster in which pods of our image run the operator's programs; the operator is not installed."""

    def __init__(self, cluster: SimulatedCluster, running: BackgroundServer) -> None:
        self._cluster = cluster
        self.running = running

    def create(self, resource: Resource, manifest: dict[str, Any]) -> None:
        typed = {"apiVersion": resource.api_version, "kind": resource.kind, **manifest}
        self.running.call(lambda: self._cluster.client().create(resource, typed))

    def ours(self) -> list[str]:
        """What is there of the operator: objects, and files on the nodes."""
        return self.running.call(self._ours)

    def _ours(self) -> list[str]:
        client = self._cluster.client()
        ask = {kind.resource: "app=security-profiles-operator" for kind in KINDS if kind.resource.kind in LABELLED}
        ask |= dict.fromkeys(kinds.resources(), "")
        found = [(kind, each) for kind, labels in ask.items() for each in client.list(kind, labels=labels)]
        found += [(LEASES, each) for each in client.list(LEASES, "charts")]
        paths = [path for node in self._cluster.nodes.values() for path, _ in node.disk.below(FILES)]
        return [f"{kind.kind} {each['metadata']['name']}" for kind, each in found] + paths


@pytest.fixture
def served() -> Iterator[Served]:
    cluster = boot(nodes=2, operator=False).cluster
    with BackgroundServer(cluster, speed="max") as running:
        yield Served(cluster, running)


def test_our_chart_leaves_nothing_behind_but_its_definitions(served: Served, tmp_path: Path) -> None:
    helm = helm_for(served.running.write_kubeconfig(tmp_path / "kubeconfig"), tmp_path)
    helm("install", "spo", str(OUR_CHART), "--create-namespace", "--wait", "--timeout", "60s")
    metadata = {"name": "sleeper", "namespace": "default"}
    served.create(SECCOMP_PROFILES, {"metadata": metadata, "spec": {"defaultAction": "SCMP_ACT_ALLOW"}})
    served.running.advance(30)
    there = served.ours()
    assert there.count(f"{FILES}/default/sleeper.json") == 2, "on each node"
    assert {"Deployment security-profiles-operator", "DaemonSet spod"} <= set(there)

    helm("uninstall", "spo", "--wait", "--timeout", "60s")

    assert served.ours() == []
