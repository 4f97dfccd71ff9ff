"""Limit ranges at the door."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.resource import PODS, Resource
from spo.sim.api.status import ApiError
from spo.sim.cluster import SimulatedCluster

LIMIT_RANGES = Resource("", "v1", "limitranges", "LimitRange")


def limited(**limit: Any) -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=0)
    cluster.rest()
    spec = {"limits": [{"type": "Container", **limit}]}
    cluster.client().create(LIMIT_RANGES, {"metadata": {"name": "l", "namespace": "default"}, "spec": spec})
    return cluster


def made(cluster: SimulatedCluster, **resources: Any) -> Any:
    container = {"name": "c", "image": "images.test/app:1", "resources": resources}
    pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [container]}}
    return cluster.client().create(PODS, pod)


def refusal(cluster: SimulatedCluster, **resources: Any) -> str:
    with pytest.raises(ApiError) as refused:
        made(cluster, **resources)
    assert refused.value.code == 403
    return refused.value.message.removeprefix('pods "p" is forbidden: ')


def test_what_a_container_does_not_say_is_filled_in_and_told() -> None:
    pod = made(limited(default={"memory": "500Mi"}, defaultRequest={"cpu": "100m", "memory": "200Mi"}))

    assert pod["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m", "memory": "200Mi"}, "limits": {"memory": "500Mi"},
    }  # fmt: skip
    assert pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; memory limit for container c"
    )
    assert pod["status"]["qosClass"] == "Burstable"


def test_what_it_says_is_left() -> None:
    pod = made(limited(default={"cpu": "500m"}), limits={"cpu": "300m"})

    # A limit without a request is both.
    assert pod["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "300m"}, "requests": {"cpu": "300m"}}
    assert "annotations" not in pod["metadata"]


@pytest.mark.parametrize(
    ("limit", "resources", "why"),
    [
        ({"min": {"cpu": "50m"}}, {"requests": {"cpu": "10m"}},
         "minimum cpu usage per Container is 50m, but request is 10m"),
        ({"max": {"cpu": "500m"}}, {"requests": {"cpu": "600m"}, "limits": {"cpu": "600m"}},
         "maximum cpu usage per Container is 500m, but limit is 600m"),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, {"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}},
         "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, {},
         "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_refused_with_the_range(limit: Any, resources: Any, why: str) -> None:
    assert refusal(limited(**limit), **resources) == why


def test_a_pod_is_measured_as_a_whole() -> None:
    cluster = limited(type="Pod", max={"memory": "1Gi"})

    assert refusal(cluster) == "maximum memory usage per Pod is 1Gi.  No limit is specified"
    assert refusal(cluster, limits={"memory": "2Gi"}) == "maximum memory usage per Pod is 1Gi, but limit is 2Gi"


def test_the_most_is_the_default_and_the_least_is_what_is_asked_for() -> None:
    cluster = limited(min={"cpu": "50m"}, max={"memory": "1Gi"})
    limit = cluster.client().get(LIMIT_RANGES, "default", "l")["spec"]["limits"][0]

    assert limit["default"] == {"memory": "1Gi"}
    assert limit["defaultRequest"] == {"cpu": "50m", "memory": "1Gi"}


@pytest.mark.parametrize(
    "limit",
    [
        {"min": {"cpu": "2"}, "max": {"cpu": "1"}},
        {"default": {"cpu": "2"}, "max": {"cpu": "1"}},
        {"type": "Nothing"},
    ],
)
def test_a_range_that_cannot_be_is_invalid(limit: Any) -> None:
    with pytest.raises(ApiError) as refused:
        limited(**limit)

    assert refused.value.code == 422
