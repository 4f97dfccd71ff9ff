"""kubectl: what changes with time or asks back. What it prints is compared in tests/conformance/kubectl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_things import deployment, pod

CACHE = Path.home() / ".cache/spo-cluster"
BUILT = next(iter(sorted(CACHE.glob("*/kubectl"), reverse=True)), "")
KUBECTL = os.environ.get("KUBECTL") or str(BUILT) or shutil.which("kubectl") or ""

pytestmark = pytest.mark.skipif(not KUBECTL, reason="no kubectl here: put it on the PATH, or name it in KUBECTL")
Kubectl = Callable[..., str]


@pytest.fixture
def environment(spo_kubeconfig: Path, tmp_path: Path) -> dict[str, str]:
    return {"KUBECONFIG": str(spo_kubeconfig), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def kubectl(environment: dict[str, str]) -> Kubectl:
    def run(*arguments: str, given: Any = None, code: int = 0, **variables: str) -> str:
        stdin = None if given is None else json.dumps(given)
        said = subprocess.run(
            [KUBECTL, *arguments],
            env={**environment, **variables},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert said.returncode == code, said.stdout
        return said.stdout

    return run


@pytest.mark.spo(speed="real")
def test_a_log_is_followed_until_its_container_ends(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=pod("talk", "echo one; sleep 2; echo two; exit 3"))
    kubectl("wait", "pod/talk", "--for=condition=Ready", "--timeout=20s")
    began = time.monotonic()

    assert kubectl("logs", "-f", "talk") == "one\ntwo\n"

    assert time.monotonic() - began > 0.5
    assert kubectl("logs", "talk", "--tail=1") == "two\n"
    assert kubectl("logs", "talk", "--since=1h", "--timestamps").split()[1::2] == ["one", "two"]
    assert "previous terminated container" in kubectl("logs", "talk", "--previous", code=1)


def test_each_run_of_a_container_has_its_log(kubectl: Kubectl) -> None:
    again = pod("again", "echo running; sleep 20; exit 1")
    again["spec"]["restartPolicy"] = "Always"
    kubectl("create", "-f", "-", given=again)
    kubectl(
        "wait",
        "pod/again",
        "--for=jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}=1",
        "--timeout=20s",
    )

    assert kubectl("logs", "again", "--previous") == "running\n"


def test_what_is_watched_is_told_as_it_happens(kubectl: Kubectl, environment: dict[str, str]) -> None:
    command = [KUBECTL, "get", "pods", "--watch", "--no-headers", "-o", "name"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        kubectl("create", "-f", "-", given=pod("one"))
        assert watching.stdout.readline() == "pod/one\n"
        watching.terminate()


def test_an_object_is_edited(kubectl: Kubectl, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/replicas: 2/replicas: 3/' \"$1\"\n")
    editor.chmod(0o755)
    kubectl("create", "-f", "-", given=deployment("web"))

    assert kubectl("edit", "deployment/web", KUBE_EDITOR=str(editor)) == "deployment.apps/web edited\n"
    assert kubectl("edit", "deployment/web", KUBE_EDITOR=str(editor)).startswith("Edit cancelled, no changes made.")
    kubectl("rollout", "status", "deployment/web")
    assert kubectl("get", "deployment/web", "-o", "jsonpath={.status.readyReplicas}") == "3"


def test_a_rollout_pauses_goes_on_and_goes_back(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment("web"))
    kubectl("rollout", "pause", "deployment/web")
    kubectl("set", "image", "deployment/web", "c=busybox:2")
    kubectl("rollout", "resume", "deployment/web")
    kubectl("rollout", "status", "deployment/web")
    assert "busybox:2" in kubectl("rollout", "history", "deployment/web", "--revision=2")

    kubectl("rollout", "undo", "deployment/web", "--to-revision=1")
    kubectl("rollout", "status", "deployment/web")

    assert kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.containers[0].image}").split() == [
        "busybox",
        "busybox",
    ]


def test_a_drained_node_has_no_pods(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment("web", replicas=6))
    kubectl("rollout", "status", "deployment/web")

    kubectl("drain", "node-1", "--ignore-daemonsets", "--timeout=30s")

    on_node = ("--field-selector", "spec.nodeName=node-1")
    assert kubectl("get", "pods", *on_node) == "No resources found in default namespace.\n"
    kubectl("uncordon", "node-1")


def test_who_one_is_and_may_be(kubectl: Kubectl) -> None:
    assert "Username    admin" in kubectl("auth", "whoami")
    assert "[g system:authenticated]" in kubectl("auth", "whoami", "--as=bob", "--as-group=g")
    assert "selfsubjectreviews.authentication.k8s.io" in kubectl("auth", "can-i", "--list", "--as=bob")
    token = kubectl("create", "token", "default").strip()
    assert "system:serviceaccount:default:default" in kubectl("auth", "whoami", "--token", token)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("top pods", "Metrics API not available"),
        ("exec still -- ls", "pods/exec is not served by this simulated API server"),
        ("attach still", "pods/attach is not served by this simulated API server"),
        ("cp still:/etc/passwd /dev/null", "pods/exec is not served by this simulated API server"),
        ("port-forward still 0:80", "pods/portforward is not served by this simulated API server"),
        ("debug still --image=busybox", "pods/ephemeralcontainers is not served by this simulated API server"),
    ],
)
def test_what_is_not_simulated_says_so(kubectl: Kubectl, command: str, why: str) -> None:
    kubectl("create", "-f", "-", given=pod("still"))
    kubectl("wait", "pod/still", "--for=condition=Ready", "--timeout=20s")

    assert why in kubectl(*command.split(), code=1)
