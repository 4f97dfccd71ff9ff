"""pykube-ng, unmodified, against the simulated cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from client_things import configmap, deployment, labelled, pod, until

pykube = pytest.importorskip("pykube")


@pytest.fixture
def api(spo_kubeconfig: Path) -> Any:
    return pykube.HTTPClient(pykube.KubeConfig.from_file(str(spo_kubeconfig)))


def test_objects_are_made_changed_watched_and_deleted(api: Any) -> None:
    pykube.ConfigMap(api, configmap("a", x="1")).create()
    found = pykube.ConfigMap.objects(api).get_by_name("a")
    found.annotations["k"] = "v"
    found.update()
    found.patch({"data": {"y": "2"}})

    assert pykube.ConfigMap.objects(api).get_by_name("a").obj["data"] == {"x": "1", "y": "2"}
    assert "a" in [
        next(iter(pykube.ConfigMap.objects(api).filter(field_selector={"metadata.name": "a"}).watch())).object.name
    ]

    found.delete()
    assert not found.exists()


def test_a_deployment_is_scaled_and_deleted_with_its_pods(api: Any) -> None:
    def pods() -> list[Any]:
        return list(pykube.Pod.objects(api).filter(selector=labelled("web")))

    web = pykube.Deployment(api, deployment("web"))
    web.create()
    until(lambda: len(pods()) == 2 and all(each.ready for each in pods()))
    until(lambda: web.reload() or web.ready)

    web.scale(3)
    until(lambda: len(pods()) == 3)
    web.delete(propagation_policy="Foreground")

    until(lambda: not web.exists() and not pods())


def test_logs_nodes_and_tables(api: Any) -> None:
    talk = pykube.Pod(api, pod("talk", "echo one; echo two"))
    talk.create()
    until(lambda: talk.reload() or talk.obj["status"]["phase"] == "Succeeded")
    assert talk.logs(tail_lines=1) == "two\n"

    node = pykube.Node.objects(api).get_by_name("node-1")
    node.cordon()
    assert pykube.Node.objects(api).get_by_name("node-1").unschedulable
    assert [row["cells"][0] for row in pykube.Node.objects(api).as_table().rows] == ["node-1", "node-2", "node-3"]
