"""kr8s: objects, waiting, watching, logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from client_things import configmap, deployment, pod

kr8s = pytest.importorskip("kr8s")
from kr8s.objects import ConfigMap, Deployment, Node, Pod  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version")


@pytest.fixture
def api(spo_kubeconfig: Path) -> Any:
    return kr8s.api(kubeconfig=str(spo_kubeconfig))


def test_objects_are_made_changed_watched_and_found(api: Any) -> None:
    made = ConfigMap(configmap("a", x="1"), api=api)
    made.create()
    made.patch({"data": {"y": "2"}})
    made.label(tier="front")
    made.annotate({"k": "v"})
    made.refresh()

    assert made.raw["data"] == {"x": "1", "y": "2"}
    assert [each.name for each in kr8s.get("configmaps", label_selector={"tier": "front"}, api=api)] == ["a"]
    assert next(iter(kr8s.watch("configmaps", namespace="default", api=api)))[0] == "ADDED"
    assert api.whoami() == "admin"


def test_a_deployment_scales_and_a_pod_comes_and_goes(api: Any) -> None:
    web = Deployment(deployment("web", replicas=1), api=api)
    web.create()
    web.scale(3)
    web.wait("jsonpath='{.status.readyReplicas}'=3", timeout=20)
    assert len(web.pods()) == 3

    talk = Pod(pod("talk", "echo one; sleep 5; echo two"), api=api)
    talk.create()
    talk.wait("jsonpath='{.status.phase}'=Succeeded", timeout=20)
    assert list(talk.logs(follow=True)) == ["one", "two"]
    talk.delete()
    talk.wait("delete", timeout=20)


def test_a_node_is_cordoned(api: Any) -> None:
    node = Node.get("node-1", api=api)
    node.cordon()
    node.refresh()
    assert node.unschedulable
