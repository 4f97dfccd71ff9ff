"""What objects take of a quota: the numbers."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.quota_usage import falls_under, pod_resources, storage_of, usage


def of_pod(*containers: dict[str, Any], **spec: Any) -> dict[str, str]:
    pod = {"spec": {"containers": [{"name": "c", "resources": each} for each in containers], **spec}}
    return {name: str(value) for name, value in usage("pods", pod).items()}


def test_containers_that_run_together_add_up() -> None:
    found = of_pod({"requests": {"cpu": "500m", "memory": "1Gi"}}, {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}})

    assert found == {
        "count/pods": "1", "pods": "1", "cpu": "1500m", "requests.cpu": "1500m", "limits.cpu": "2",
        "memory": "1Gi", "requests.memory": "1Gi",
    }  # fmt: skip


def test_devices_are_limited_by_what_is_requested_of_them() -> None:
    found = of_pod({"requests": {"vendor.example/gpu": "2"}, "limits": {"vendor.example/gpu": "2"}})

    assert found == {"count/pods": "1", "pods": "1", "requests.vendor.example/gpu": "2"}


@pytest.mark.parametrize(
    ("first", "wanted"),
    [
        ([{"requests": {"cpu": "3"}}], "3"),  # it runs before the others: the larger counts
        ([{"requests": {"cpu": "1"}}, {"requests": {"cpu": "1"}}], "2"),
    ],
)
def test_what_runs_first_counts_if_it_is_more(first: list[Any], wanted: str) -> None:
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "2"}}}],
        "initContainers": [{"resources": each} for each in first],
    }

    assert str(pod_resources(spec, "requests")["cpu"]) == wanted


def test_a_sidecar_runs_beside_what_comes_after_it() -> None:
    sidecar = {"restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}}
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "2"}}}],
        "initContainers": [sidecar, {"resources": {"requests": {"cpu": "4"}}}],
    }

    assert str(pod_resources(spec, "requests")["cpu"]) == "5"


def test_overhead_is_added_and_what_the_pod_says_of_itself_counts_instead() -> None:
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "2"}}}],
        "resources": {"requests": {"cpu": "3"}},
        "overhead": {"cpu": "100m", "memory": "10Mi"},
    }

    assert {name: str(value) for name, value in pod_resources(spec, "requests").items()} == {
        "cpu": "3100m", "memory": "10Mi",
    }  # fmt: skip
    assert pod_resources(spec, "limits") == {}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"type": "ClusterIP", "ports": [{}]}, ("1", "0", "0")),
        ({"type": "NodePort", "ports": [{}, {}]}, ("1", "2", "0")),
        ({"type": "LoadBalancer", "ports": [{}]}, ("1", "1", "1")),
        ({"type": "LoadBalancer", "ports": [{}], "allocateLoadBalancerNodePorts": False}, ("1", "0", "1")),
    ],
)
def test_services_take_node_ports_and_load_balancers(spec: Any, wanted: tuple[str, ...]) -> None:
    found = usage("services", {"spec": spec})

    assert tuple(str(found[name]) for name in ("services", "services.nodeports", "services.loadbalancers")) == wanted


def test_claims_take_storage_of_their_class() -> None:
    claim = {"spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}}}
    found = {name: str(value) for name, value in usage("persistentvolumeclaims", claim).items()}

    own = {"persistentvolumeclaims": "1", "requests.storage": "1Gi"}
    of_class = {f"gold.storageclass.storage.k8s.io/{name}": value for name, value in own.items()}
    assert found == {"count/persistentvolumeclaims": "1", **own, **of_class}


@pytest.mark.parametrize(
    ("name", "storage"),
    [
        ("cpu", "pods"), ("limits.memory", "pods"), ("requests.hugepages-2Mi", "pods"),
        ("services.nodeports", "services"),
        ("requests.vendor.example/gpu", "pods"), ("vendor.example/gpu", ""), ("count/jobs.batch", "jobs.batch"),
        ("secrets", "secrets"), ("requests.storage", "persistentvolumeclaims"), ("nonsense", ""),
        ("gold.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"),
    ],
)  # fmt: skip
def test_each_name_in_a_quota_is_about_one_resource(name: str, storage: str) -> None:
    assert storage_of(name) == storage


BARE: dict[str, Any] = {"containers": [{"name": "c"}]}
ASKING: dict[str, Any] = {"containers": [{"name": "c", "resources": {"limits": {"memory": "1Mi"}}}]}
TERM = {"topologyKey": "zone"}


def affine(**term: Any) -> dict[str, Any]:
    rules = {"requiredDuringSchedulingIgnoredDuringExecution": [{**TERM, **term}]}
    return {**BARE, "affinity": {"podAntiAffinity": rules}}


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        ("Terminating", {**BARE, "activeDeadlineSeconds": 0}, BARE),
        ("NotTerminating", BARE, {**BARE, "activeDeadlineSeconds": 5}),
        ("BestEffort", BARE, ASKING),
        ("NotBestEffort", ASKING, BARE),
        ("PriorityClass", {**BARE, "priorityClassName": "high"}, BARE),
        ("CrossNamespacePodAffinity", affine(namespaces=["other"]), affine()),
        ("CrossNamespacePodAffinity", affine(namespaceSelector={}), BARE),
    ],
)
def test_a_pod_is_in_a_scope_or_is_not(scope: str, inside: Any, outside: Any) -> None:
    quota = {"scopes": [scope]}

    assert falls_under(quota, "pods", {"spec": inside})
    assert not falls_under(quota, "pods", {"spec": outside})
    assert not falls_under(quota, "configmaps", {})


@pytest.mark.parametrize(
    ("operator", "values", "priorities"),
    [
        ("In", ["high"], ["high"]), ("NotIn", ["high"], ["", "low"]),
        ("Exists", [], ["high", "low"]), ("DoesNotExist", [], [""]),
    ],
)  # fmt: skip
def test_priorities_are_selected(operator: str, values: list[str], priorities: list[str]) -> None:
    wanted = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    quota = {"scopeSelector": {"matchExpressions": [wanted]}}

    pods = {name: {"spec": {**BARE, "priorityClassName": name}} for name in ("", "high", "low")}
    assert [name for name, pod in pods.items() if falls_under(quota, "pods", pod)] == priorities
