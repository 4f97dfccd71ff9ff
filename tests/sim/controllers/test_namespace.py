"""Namespaces that are deleted, while people look."""

from __future__ import annotations

from typing import Any

from manifests import pod

from spo.model.resource import CONFIG_MAPS, NAMESPACES, PODS, SERVICE_ACCOUNTS
from spo.sim.cluster import SimulatedCluster


def with_namespace() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=1)
    cluster.client().create(NAMESPACES, {"metadata": {"name": "shop"}})
    cluster.rest()
    return cluster


def conditions(cluster: SimulatedCluster) -> dict[str, str]:
    found: list[dict[str, Any]] = cluster.client().get(NAMESPACES, "", "shop")["status"].get("conditions", [])
    return {each["type"]: each["message"] for each in found if each["status"] == "True"}


def test_a_namespace_has_a_service_account_even_if_someone_deletes_it() -> None:
    cluster = with_namespace()
    cluster.client().delete(SERVICE_ACCOUNTS, "shop", "default")
    cluster.rest()

    assert [each["metadata"]["name"] for each in cluster.client().list(SERVICE_ACCOUNTS, "shop")] == ["default"]


def test_every_namespace_has_the_certificate_to_trust_and_keeps_it() -> None:
    cluster = with_namespace()
    client = cluster.client()
    first = client.get(CONFIG_MAPS, "shop", "kube-root-ca.crt")
    client.patch(CONFIG_MAPS, "shop", "kube-root-ca.crt", {"data": {"ca.crt": "forged"}})
    cluster.rest()
    mended = client.get(CONFIG_MAPS, "shop", "kube-root-ca.crt")
    client.delete(CONFIG_MAPS, "shop", "kube-root-ca.crt")
    cluster.rest()

    assert mended["data"] == first["data"]
    assert client.get(CONFIG_MAPS, "shop", "kube-root-ca.crt")["data"] == first["data"]


def test_running_pods_end_before_the_rest_goes() -> None:
    cluster = with_namespace()
    client = cluster.client()
    client.create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "shop"}})
    client.create(PODS, pod("p", namespace="shop", container={"command": ["sleep", "1000"]}))
    cluster.rest()
    client.delete(NAMESPACES, "", "shop")
    cluster.run(20)
    meanwhile = client.list(CONFIG_MAPS, "shop")
    said = conditions(cluster)
    assert cluster.rest()

    assert [each["metadata"]["name"] for each in meanwhile] == ["c", "kube-root-ca.crt"]
    assert "Resource=pods" in said["NamespaceDeletionContentFailure"]
    assert [each["metadata"]["name"] for each in client.list(NAMESPACES) if each["metadata"]["name"] == "shop"] == []


def test_what_holds_it_up_is_said_and_waiting_for_it_is_rest() -> None:
    cluster = with_namespace()
    client = cluster.client()
    held = {"metadata": {"name": "c", "namespace": "shop", "finalizers": ["example.com/hold"]}}
    client.create(CONFIG_MAPS, held)
    client.delete(NAMESPACES, "", "shop")
    assert cluster.rest()

    assert conditions(cluster) == {
        "NamespaceContentRemaining": "Some resources are remaining: configmaps. has 1 resource instances",
        "NamespaceFinalizersRemaining": (
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        ),
    }
    client.patch(CONFIG_MAPS, "shop", "c", {"metadata": {"finalizers": None}})
    cluster.run(20)
    assert "shop" not in {each["metadata"]["name"] for each in client.list(NAMESPACES)}
