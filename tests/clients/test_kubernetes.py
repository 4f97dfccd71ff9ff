"""The official client: typed, dynamic, watch, logs, leader election."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from client_things import configmap, deployment, pod, until

kubernetes = pytest.importorskip("kubernetes")
from kubernetes import client, config, dynamic, utils, watch  # noqa: E402
from kubernetes.stream import stream  # noqa: E402


@pytest.fixture
def api(spo_kubeconfig: Path) -> Any:
    return config.new_client_from_config(str(spo_kubeconfig))


@pytest.fixture
def core(api: Any) -> Any:
    return client.CoreV1Api(api)


def test_a_deployment_is_created_watched_and_scaled(api: Any) -> None:
    utils.create_from_dict(api, deployment("web", replicas=1))
    apps = client.AppsV1Api(api)
    apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 2}})

    for event in watch.Watch().stream(apps.list_namespaced_deployment, "default", timeout_seconds=20):
        if event["object"].status.ready_replicas == 2:
            return
    pytest.fail("never ready")


def test_the_dynamic_client_applies_patches_and_watches(api: Any) -> None:
    maps = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    applied = configmap("s", a="b")
    maps.server_side_apply(namespace="default", name="s", body=applied, field_manager="mine")
    with pytest.raises(dynamic.exceptions.ConflictError):
        maps.server_side_apply(namespace="default", name="s", body=configmap("s", a="c"), field_manager="yours")
    body, merge = {"data": {"c": "d"}}, "application/merge-patch+json"
    maps.patch(namespace="default", name="s", body=body, content_type=merge)

    events = [(each["type"], each["object"].metadata.name) for each in maps.watch(namespace="default", timeout=1)]
    assert ("ADDED", "s") in events
    assert maps.get(namespace="default", name="s").data.to_dict() == {"a": "b", "c": "d"}


@pytest.mark.spo(speed="real")
def test_a_log_is_followed_until_its_container_ends(core: Any) -> None:
    core.create_namespaced_pod("default", pod("talk", "echo one; sleep 2; echo two"))
    until(lambda: core.read_namespaced_pod("talk", "default").status.phase == "Running")

    lines = watch.Watch().stream(core.read_namespaced_pod_log, name="talk", namespace="default")

    assert list(lines) == ["one", "two"]


@pytest.mark.skipif(int(kubernetes.__version__.split(".")[0]) < 37, reason="before 37 it fails on a refusal's text")
def test_what_is_not_simulated_says_so(core: Any) -> None:
    core.create_namespaced_pod("default", pod("still"))
    until(lambda: core.read_namespaced_pod("still", "default").status.phase == "Running")

    with pytest.raises(client.ApiException, match="pods/exec is not served by this simulated API server"):
        stream(core.connect_get_namespaced_pod_exec, "still", "default", command=["ls"], stdout=True)


CANDIDATE = """
import sys
from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

config.load_kube_config(sys.argv[1])
times = {"lease_duration": 5, "renew_deadline": 3, "retry_period": 1}
lock = LeaseLock("lease", "default", sys.argv[2])
leads = lambda: print(sys.argv[2], "leads", flush=True)
wishes = electionconfig.Config(lock, onstarted_leading=leads, onstopped_leading=lambda: None, **times)
leaderelection.LeaderElection(wishes).run()
"""


@contextmanager
def candidate(kubeconfig: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """It would run until its server is gone."""
    command = [sys.executable, "-c", CANDIDATE, str(kubeconfig), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        yield running
        running.kill()


@pytest.mark.spo(speed="real")
def test_when_the_leader_dies_another_leads(spo_kubeconfig: Path, api: Any) -> None:
    pytest.importorskip("kubernetes.leaderelection.resourcelock.leaselock")
    with candidate(spo_kubeconfig, "one") as one:
        assert one.stdout is not None and one.stdout.readline() == "one leads\n"
        with candidate(spo_kubeconfig, "two") as two:
            one.kill()
            assert two.stdout is not None and two.stdout.readline() == "two leads\n"
            lease = client.CoordinationV1Api(api).read_namespaced_lease("lease", "default")
    assert lease.spec.holder_identity == "two"
