"""kopf: an operator with retries, finalizers, timers, daemons, indexes, peering and adopted children."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from client_things import crd, until

pytest.importorskip("kopf")
kubernetes = pytest.importorskip("kubernetes")
from kopf.testing import KopfRunner  # noqa: E402

OPERATOR = Path(__file__).parent / "things_operator.py"
THINGS = ("kopf.example.com", "v1", "default", "things")
PEERINGS = ("kopf.dev", "v1", "clusterkopfpeerings")
THING = {"apiVersion": "kopf.example.com/v1", "kind": "Thing", "metadata": {"name": "one"}, "spec": {"word": "a"}}


@pytest.fixture
def things(spo_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The API of custom objects, with the kinds served."""
    monkeypatch.setenv("KUBECONFIG", str(spo_kubeconfig))
    kubernetes.config.load_kube_config(str(spo_kubeconfig))
    for group, plural, kind, scope in (
        ("kopf.example.com", "things", "Thing", "Namespaced"),
        ("kopf.dev", "kopfpeerings", "KopfPeering", "Namespaced"),
        ("kopf.dev", "clusterkopfpeerings", "ClusterKopfPeering", "Cluster"),
    ):
        kubernetes.client.ApiextensionsV1Api().create_custom_resource_definition(crd(group, plural, kind, scope))
    api = kubernetes.client.CustomObjectsApi()
    peering = {"apiVersion": "kopf.dev/v1", "kind": "ClusterKopfPeering", "metadata": {"name": "things"}}
    until(lambda: found(api.create_cluster_custom_object, *PEERINGS, peering))
    return api


def found(ask: Any, *arguments: Any) -> Any:
    try:
        return ask(*arguments)
    except kubernetes.client.ApiException as refusal:
        if refusal.status != 404:
            raise
        return None


@pytest.mark.parametrize("speed", [pytest.param(name, marks=pytest.mark.spo(speed=name)) for name in ("max", "real")])
def test_an_operator_handles_the_whole_life_of_an_object(things: Any, speed: str) -> None:
    core = kubernetes.client.CoreV1Api()

    def status() -> Any:
        return things.get_namespaced_custom_object(*THINGS, "one").get("status", {})

    with KopfRunner(["run", "--all-namespaces", str(OPERATOR)], timeout=60) as runner:
        until(lambda: things.get_cluster_custom_object(*PEERINGS, "things").get("status"))
        things.create_namespaced_custom_object(*THINGS, THING)
        until(lambda: status().get("made"))
        assert core.read_namespaced_config_map("one-child", "default").metadata.owner_references[0].kind == "Thing"
        things.patch_namespaced_custom_object(*THINGS, "one", {"spec": {"word": "b"}})
        until(lambda: status().get("word") == "b")
        things.patch_namespaced_custom_object(*THINGS, "one", {"metadata": {"labels": {"tier": "x"}}})
        until(lambda: status().get("tier") == "x" and status().get("ticks", 0) > 2)

        things.delete_namespaced_custom_object(*THINGS, "one")

        until(lambda: not found(things.get_namespaced_custom_object, *THINGS, "one"))
        until(lambda: not found(core.read_namespaced_config_map, "one-child", "default"))

    assert (runner.exit_code, runner.exception) == (0, None)
    assert not things.get_cluster_custom_object(*PEERINGS, "things").get("status"), "it said goodbye to its peers"
