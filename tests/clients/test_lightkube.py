"""lightkube: typed and generic resources, each kind of patch, apply, watch, logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from client_things import configmap, crd, deployment, labelled, pod

lightkube = pytest.importorskip("lightkube")
from lightkube import codecs  # noqa: E402
from lightkube.core.exceptions import ApiError  # noqa: E402
from lightkube.generic_resource import create_namespaced_resource  # noqa: E402
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition  # noqa: E402
from lightkube.resources.apps_v1 import Deployment  # noqa: E402
from lightkube.resources.core_v1 import ConfigMap, Node, Pod  # noqa: E402
from lightkube.types import CascadeType, PatchType  # noqa: E402


@pytest.fixture
def api(spo_kubeconfig: Path) -> Any:
    return lightkube.Client(config=lightkube.KubeConfig.from_file(str(spo_kubeconfig)), field_manager="mine")


def test_each_way_to_write(api: Any) -> None:
    api.create(codecs.from_dict(configmap("a", x="1")))
    api.patch(ConfigMap, "a", {"data": {"y": "2"}})
    api.patch(ConfigMap, "a", {"data": {"z": "3"}}, patch_type=PatchType.MERGE)
    api.patch(ConfigMap, "a", [{"op": "remove", "path": "/data/z"}], patch_type=PatchType.JSON)
    found = api.get(ConfigMap, "a")
    found.data["w"] = "4"
    api.replace(found)

    assert api.get(ConfigMap, "a").data == {"w": "4", "x": "1", "y": "2"}
    assert next(iter(api.watch(ConfigMap, namespace="default", fields={"metadata.name": "a"})))[0] == "ADDED"


def test_two_who_apply_the_same_field_are_in_conflict(api: Any) -> None:
    api.apply(codecs.from_dict(configmap("a", x="1")))

    with pytest.raises(ApiError, match='Apply failed with 1 conflict: conflict with "mine"'):
        api.apply(codecs.from_dict(configmap("a", x="2")), field_manager="yours")

    api.apply(codecs.from_dict(configmap("a", x="2")), field_manager="yours", force=True)


def test_a_deployment_scales_and_goes_in_the_foreground(api: Any) -> None:
    api.create(codecs.from_dict(deployment("web")))
    api.wait(Deployment, "web", for_conditions=["Available"])
    scale = api.get(Deployment.Scale, "web")
    scale.spec.replicas = 3
    api.replace(scale, "web")
    assert len(list(api.list(Pod, labels=labelled("web"), chunk_size=1))) >= 2

    api.delete(Deployment, "web", cascade=CascadeType.FOREGROUND)


def test_a_kind_of_ones_own(api: Any) -> None:
    api.create(codecs.from_dict(crd("lightkube.example.com", "bots", "Bot")))
    api.wait(CustomResourceDefinition, "bots.lightkube.example.com", for_conditions=["Established"])
    bot = create_namespaced_resource("lightkube.example.com", "v1", "Bot", "bots")
    api.create(bot(metadata={"name": "one", "namespace": "default"}, spec={"word": "hi"}))
    api.patch(bot.Status, "one", {"status": {"said": "hi"}}, patch_type=PatchType.MERGE)

    assert api.get(bot, "one").status == {"said": "hi"}


def test_logs_and_lists(api: Any) -> None:
    api.create(codecs.from_dict(pod("talk", "echo one; echo two")))
    api.wait(Pod, "talk", for_conditions=["Initialized"])
    assert [node.metadata.name for node in api.list(Node)] == ["node-1", "node-2", "node-3"]
    assert list(api.log("talk", follow=True)) == ["one\n", "two\n"]
