"""kubernetes_asyncio: typed, dynamic, watch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from client_things import configmap, pod

pytest.importorskip("kubernetes_asyncio")
from kubernetes_asyncio import client, config, watch
from kubernetes_asyncio.client.api_client import ApiClient
from kubernetes_asyncio.dynamic import DynamicClient


async def story(kubeconfig: Path) -> None:
    await config.load_kube_config(str(kubeconfig))
    async with ApiClient() as api:
        core = client.CoreV1Api(api)
        assert len((await core.list_node()).items) == 3
        await core.create_namespaced_pod("default", pod("talk", "echo one; sleep 3; echo two"))
        of_pod = {"namespace": "default", "field_selector": "metadata.name=talk"}
        async for event in watch.Watch().stream(core.list_namespaced_pod, **of_pod):
            if event["object"].status.phase == "Succeeded":
                break
        assert await core.read_namespaced_pod_log("talk", "default") == "one\ntwo\n"

        dynamic = await DynamicClient(api)
        maps = await dynamic.resources.get(api_version="v1", kind="ConfigMap")
        body = configmap("a", x="1")
        await dynamic.server_side_apply(maps, body=body, name="a", namespace="default", field_manager="mine")
        await core.patch_namespaced_config_map("a", "default", {"data": {"y": "2"}})
        assert (await maps.get(name="a", namespace="default")).data.to_dict() == {"x": "1", "y": "2"}
        await core.delete_collection_namespaced_config_map("default", field_selector="metadata.name=a")


def test_pods_logs_and_the_dynamic_client(spo_kubeconfig: Path) -> None:
    asyncio.run(asyncio.wait_for(story(spo_kubeconfig), 60))
