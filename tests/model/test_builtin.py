from __future__ import annotations

import gc
import json
from typing import Any

import msgspec
import pytest

from spo.model.builtin import DaemonSetKeep, LeaseKeep, PodUse, SpodPod


def decode(kind: type[Any], manifest: dict[str, Any]) -> Any:
    return msgspec.json.decode(json.dumps(manifest), type=kind)


def context(profile: str) -> dict[str, Any]:
    return {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": profile}}}


POD = {
    "metadata": {"name": "cart", "namespace": "shop", "uid": "u", "resourceVersion": "7", "labels": {"app": "cart"}},
    "spec": {
        "nodeName": "node-a",
        **context("operator/shop/pod.json"),
        "containers": [{"name": "a", **context("operator/shop/main.json")}, {"name": "b"}],
        "initContainers": [{"name": "c", **context("operator/shop/init.json")}],
        "ephemeralContainers": [{"name": "d", **context("operator/shop/debug.json")}],
    },
    "status": {"phase": "Running"},
}


def test_a_pod_uses_the_profiles_of_all_its_containers() -> None:
    pod = decode(PodUse, POD)
    assert pod.localhost_profiles == tuple(f"operator/shop/{name}.json" for name in ("pod", "init", "main", "debug"))
    assert (pod.metadata.name, pod.metadata.namespace, pod.spec.node_name) == ("cart", "shop", "node-a")


def test_a_profile_named_twice_counts_once() -> None:
    twice = {"spec": {**context("operator/a/b.json"), "containers": [context("operator/a/b.json")]}}
    assert decode(PodUse, twice).localhost_profiles == ("operator/a/b.json",)


def test_nothing_is_kept_of_containers_that_name_no_profile() -> None:
    plain = {"seccompProfile": {"type": "RuntimeDefault"}}
    pod = decode(
        PodUse, {"spec": {"securityContext": plain, "containers": [{"name": "a", "securityContext": plain}] * 9}}
    )
    assert (pod.spec.containers, pod.spec.security_context) == ((), None)


@pytest.mark.parametrize(("phase", "finished"), [("Running", False), ("Pending", False), ("Failed", True), ("", False)])
def test_a_finished_pod_needs_no_profile(phase: str, finished: bool) -> None:
    assert decode(PodUse, {"status": {"phase": phase}}).finished is finished


def test_most_of_a_pod_is_nothing_the_garbage_collector_must_look_at() -> None:
    pod = decode(PodUse, POD)
    assert not gc.is_tracked(pod.metadata)
    assert not gc.is_tracked(pod.status)


def test_a_daemon_is_ready_by_its_condition() -> None:
    conditions = [{"type": "Ready", "status": "True"}]
    assert decode(SpodPod, {"status": {"phase": "Running", "conditions": conditions}}).ready
    assert not decode(SpodPod, {"status": {"phase": "Running"}}).ready


def daemons(**status: int) -> DaemonSetKeep:
    settled = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 3}
    found: DaemonSetKeep = decode(DaemonSetKeep, {"metadata": {"generation": 2}, "status": {**settled, **status}})
    return found


def test_a_settled_daemon_set_is_rolled_out() -> None:
    assert daemons().rolled_out


@pytest.mark.parametrize(
    "behind",
    [{"observedGeneration": 1}, {"updatedNumberScheduled": 2}, {"numberReady": 2}],
    ids=lambda each: next(iter(each)),
)
def test_a_daemon_set_that_is_behind_is_not_rolled_out(behind: dict[str, int]) -> None:
    assert not daemons(**behind).rolled_out


def test_a_lease_says_who_leads() -> None:
    lease = decode(LeaseKeep, {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 2}})
    assert (lease.spec.holder_identity, lease.spec.lease_duration_seconds, lease.spec.lease_transitions) == (
        "me",
        15,
        2,
    )
