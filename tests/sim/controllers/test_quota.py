"""Resource quotas from end to end: charged at the door, given back by the controller."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.resource import CONFIG_MAPS, PODS, Resource
from spo.sim.api.status import ApiError
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.quota import RESOURCE_QUOTAS, RESYNC_S

SERVICES = Resource("", "v1", "services", "Service")
NOWHERE = {"nodeSelector": {"no": "such-node"}}


def with_quota(hard: dict[str, str], **spec: Any) -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    quota = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": hard, **spec}}
    cluster.client().create(RESOURCE_QUOTAS, quota)
    cluster.rest()
    return cluster


def status(cluster: SimulatedCluster) -> Any:
    return cluster.client().get(RESOURCE_QUOTAS, "default", "q")["status"]


def used(cluster: SimulatedCluster) -> Any:
    return status(cluster)["used"]


def a_pod(name: str, cpu: str = "", **spec: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "c", "image": "images.test/app:1"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"containers": [container], **NOWHERE, **spec}}


def refusal(cluster: SimulatedCluster, obj: dict[str, Any], resource: Resource = PODS) -> str:
    with pytest.raises(ApiError) as refused:
        cluster.client().create(resource, obj)
    assert refused.value.code == 403
    return refused.value.message


def test_what_is_there_is_counted_when_a_quota_comes() -> None:
    cluster = with_quota({"configmaps": "10", "count/configmaps": "9", "pods": "2", "persistentvolumeclaims": "1"})

    assert status(cluster) == {
        "hard": {"configmaps": "10", "count/configmaps": "9", "pods": "2", "persistentvolumeclaims": "1"},
        "used": {"configmaps": "1", "count/configmaps": "1", "pods": "0", "persistentvolumeclaims": "0"},
    }


def test_a_pod_is_charged_at_once_and_refused_when_nothing_is_left() -> None:
    cluster = with_quota({"cpu": "1", "pods": "5"})
    cluster.client().create(PODS, a_pod("one", "600m"))

    assert used(cluster) == {"cpu": "600m", "pods": "1"}
    assert refusal(cluster, a_pod("two", "500m")) == (
        'pods "two" is forbidden: exceeded quota: q, requested: cpu=500m, used: cpu=600m, limited: cpu=1'
    )
    assert used(cluster) == {"cpu": "600m", "pods": "1"}


def test_a_pod_that_went_gives_back_what_it_took() -> None:
    cluster = with_quota({"cpu": "1", "pods": "5"})
    cluster.client().create(PODS, a_pod("one", "600m"))
    cluster.client().delete(PODS, "default", "one")
    cluster.rest()

    assert used(cluster) == {"cpu": "0", "pods": "0"}


def test_a_pod_that_ended_is_only_counted_as_an_object() -> None:
    cluster = with_quota({"cpu": "1", "pods": "5", "count/pods": "5"})
    client = cluster.client()
    client.create(PODS, a_pod("one", "600m"))
    client.patch(PODS, "default", "one", {"status": {"phase": "Succeeded"}}, subresource="status")
    cluster.rest()

    assert used(cluster) == {"cpu": "0", "pods": "0", "count/pods": "1"}


def test_where_cpu_is_limited_every_container_must_say_what_it_wants() -> None:
    cluster = with_quota({"cpu": "1", "limits.memory": "1Gi"})

    assert refusal(cluster, a_pod("mute")) == (
        'pods "mute" is forbidden: failed quota: q: must specify cpu for: c; limits.memory for: c'
    )


def test_a_dry_run_is_refused_as_well_but_not_charged() -> None:
    cluster = with_quota({"pods": "1"})
    path = "/api/v1/namespaces/default/pods"
    cluster.client().send("POST", path, a_pod("one"), query=(("dryRun", "All"),))
    assert used(cluster) == {"pods": "0"}

    cluster.client().create(PODS, a_pod("one"))
    with pytest.raises(ApiError):
        cluster.client().send("POST", path, a_pod("two"), query=(("dryRun", "All"),))


def test_a_service_that_becomes_another_is_charged_for_the_difference() -> None:
    cluster = with_quota({"services": "2", "services.nodeports": "1"})
    client = cluster.client()
    client.create(SERVICES, {"metadata": {"name": "s", "namespace": "default"}, "spec": {"ports": [{"port": 80}]}})
    before = used(cluster)
    client.patch(SERVICES, "default", "s", {"spec": {"type": "NodePort"}})
    after = used(cluster)
    client.patch(SERVICES, "default", "s", {"spec": {"type": "ClusterIP"}})
    cluster.rest()

    # The Service of the API server itself is in this namespace, too.
    assert (before["services"], before["services.nodeports"]) == ("2", "0")
    assert (after["services"], after["services.nodeports"]) == ("2", "1")
    assert used(cluster) == before


def test_scopes_tell_which_pods_a_quota_is_about() -> None:
    cluster = with_quota({"pods": "1"}, scopes=["Terminating"])
    client = cluster.client()
    client.create(PODS, a_pod("for-ever"))
    assert used(cluster) == {"pods": "0"}

    client.create(PODS, a_pod("short", activeDeadlineSeconds=60))
    assert used(cluster) == {"pods": "1"}
    assert "exceeded quota" in refusal(cluster, a_pod("another", activeDeadlineSeconds=60))


def test_a_pod_that_gets_a_deadline_moves_from_one_scope_to_the_other() -> None:
    cluster = with_quota({"pods": "1"}, scopes=["NotTerminating"])
    cluster.client().create(PODS, a_pod("p"))
    before = used(cluster)
    cluster.client().patch(PODS, "default", "p", {"spec": {"activeDeadlineSeconds": 60}})
    cluster.rest()

    assert (before, used(cluster)) == ({"pods": "1"}, {"pods": "0"})


def test_quotas_count_each_other() -> None:
    cluster = with_quota({"resourcequotas": "1"})

    second = {"metadata": {"name": "r", "namespace": "default"}, "spec": {"hard": {"pods": "1"}}}
    assert "exceeded quota: q" in refusal(cluster, second, RESOURCE_QUOTAS)


def test_a_status_that_someone_else_wrote_is_mended_at_the_next_full_sync() -> None:
    cluster = with_quota({"pods": "1"})
    forged = {"status": {"hard": {"pods": "7"}}}
    cluster.client().patch(RESOURCE_QUOTAS, "default", "q", forged, subresource="status")
    cluster.run(RESYNC_S - 1)
    assert status(cluster)["hard"] == {"pods": "7"}

    cluster.run(2)
    assert status(cluster)["hard"] == {"pods": "1"}


def test_what_no_resource_is_named_for_is_never_counted() -> None:
    cluster = with_quota({"count/nothings.example.com": "1"})

    assert status(cluster) == {"hard": {"count/nothings.example.com": "1"}}


def test_without_a_quota_nothing_is_written() -> None:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    revision = cluster.store.revision
    cluster.client().create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "default"}})
    cluster.rest()

    assert cluster.store.revision == revision + 1
