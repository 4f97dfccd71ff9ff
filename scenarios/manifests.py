"""The objects that stories are about, with nothing in them but what the story says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Manifest = dict[str, Any]
API = "security-profiles-operator.x-k8s.io"

# What `sleep` of a static busybox calls, measured; with base runc-v1.0.0 a container starts under it.
ORDINARY = ("brk", "arch_prctl", "clock_nanosleep", "exit_group", "mprotect", "set_tid_address", "write")
BUSYBOX = "spo.test/busybox:1"  # on every node of the test clusters; nothing is pulled


def profile(
    name: str, *, allow: Iterable[str] = ("nanosleep", "exit_group"), default: str = "SCMP_ACT_ERRNO", **spec: Any
) -> Manifest:
    """A SeccompProfile that allows these syscalls and has `default` for the others."""
    names = list(allow)
    rules = [{"action": "SCMP_ACT_ALLOW", "names": names}] if names else []
    return {
        "apiVersion": f"{API}/v1beta1",
        "kind": "SeccompProfile",
        "metadata": {"name": name},
        "spec": {"defaultAction": default, "syscalls": rules, **spec},
    }


def spod(name: str, namespace: str, **spec: Any) -> Manifest:
    """The operator's settings; only the one named `spod` in its namespace counts."""
    return {
        "apiVersion": f"{API}/v1alpha1",
        "kind": "SecurityProfilesOperatorDaemon",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def pod(name: str, *, under: str = "", node: str = "", command: str = "sleep 3600", **spec: Any) -> Manifest:
    """A pod whose only container runs under the Localhost profile `under` (a path below the kubelet's seccomp)."""
    container = {"name": "main", "image": BUSYBOX, "imagePullPolicy": "IfNotPresent", "command": command.split()}
    # `sleep` as process 1 does not hear SIGTERM: it would be waited for.
    wanted: Manifest = {"containers": [container], "terminationGracePeriodSeconds": 1, **spec}
    if under:
        wanted["securityContext"] = {"seccompProfile": {"type": "Localhost", "localhostProfile": under}}
    if node:
        wanted["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": wanted}


def deployment(name: str, *, replicas: int, under: str = "") -> Manifest:
    """A Deployment of pods as above."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod(name, under=under)["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }
