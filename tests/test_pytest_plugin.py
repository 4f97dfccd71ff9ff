"""The fixtures for other people's tests: found by themselves, new for each test, and light until they are asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

HEAD = "from spo.model.resource import NODES, PODS\n"

MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec: {containers: [{name: c, image: nginx}]}
"""


def outcomes(pytester: pytest.Pytester, text: str) -> dict[str, int]:
    pytester.makepyfile(HEAD + text)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers").parseoutcomes()


def test_a_cluster_in_process_is_new_for_each_test(pytester: pytest.Pytester) -> None:
    pytester.maketxtfile(web=MANIFEST)
    (pytester.path / "web.txt").rename(pytester.path / "web.yaml")
    text = """
def test_one(spo_cluster):
    spo_cluster.apply("web.yaml")
    spo_cluster.until(lambda: spo_cluster.client.get(PODS, "default", "web")["status"]["phase"] == "Running")
    spo_cluster.simulated.nodes["node-1"].disk.write("/a", b"b")

def test_two(spo_cluster):
    assert spo_cluster.client.list(PODS, "default") == []
"""
    assert outcomes(pytester, text) == {"passed": 2}


def test_a_served_cluster_can_be_used_by_any_client(pytester: pytest.Pytester) -> None:
    text = """
import pykube

def test_it(spo_kubeconfig, spo_served):
    api = pykube.HTTPClient(pykube.KubeConfig.from_file(str(spo_kubeconfig)))
    assert [node.name for node in pykube.Node.objects(api)] == ["node-1", "node-2", "node-3"]
    before = spo_served.call(lambda: spo_served.cluster.timeline.now)
    spo_served.advance(3600)
    assert spo_served.call(lambda: spo_served.cluster.timeline.now) >= before + 3600
"""
    assert outcomes(pytester, text) == {"passed": 1}


def test_a_marker_says_how_it_is_made(pytester: pytest.Pytester) -> None:
    text = """
import pytest

@pytest.mark.spo(nodes=["a", "b"], seed=5)
def test_it(spo_cluster):
    assert [node["metadata"]["name"] for node in spo_cluster.client.list(NODES)] == ["a", "b"]
    assert spo_cluster.simulated.seed == 5

@pytest.mark.spo(node=3)
def test_typo(spo_cluster):
    pass
"""
    assert outcomes(pytester, text) == {"passed": 1, "errors": 1}


def test_what_is_refused_fails_the_test_with_the_reason(pytester: pytest.Pytester) -> None:
    (pytester.path / "web.yaml").write_text(MANIFEST.replace("nginx", "nginx, imagePullPolicy: Perhaps"))
    pytester.makepyfile("def test_it(spo_cluster):\n    spo_cluster.apply('web.yaml')\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(["*imagePullPolicy*Perhaps*"])


def test_nothing_is_imported_before_a_test_asks_for_it() -> None:
    heavy = "('spo.sim', 'cryptography')"
    code = f"import sys, spo.pytest_plugin; print(sorted(m for m in sys.modules if m.startswith({heavy})))"
    said = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert said.stdout.strip() == "[]"
