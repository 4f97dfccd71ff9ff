"""The last step on the nodes: a short pod on each that removes what the daemon left there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spo.installation.live import Live, Object
from spo.installation.removal import Host
from spo.model import labels
from spo.model.resource import NODES, PODS
from spo.render.own_profile import SELINUX_TYPE

NAME = "clean-up"
SELECTOR = f"app={labels.APP},name={NAME}"
DONE = ("Succeeded", "Failed")


def clean_nodes(live: Live, namespace: str, host: Host, patience_s: float, say: Callable[[str], None]) -> list[str]:
    """Run the pods, and remove them. Gives, for each node that may not be clean, its name and why."""
    nodes = [each["metadata"]["name"] for each in live.list(NODES) if _linux(each)]
    ready = [each["metadata"]["name"] for each in live.list(NODES) if _linux(each) and _ready(each)]
    say(f"cleaning {len(ready)} nodes")
    for pod in live.list(PODS, namespace, SELECTOR):  # of a run that was cut off
        live.delete(PODS, namespace, pod["metadata"]["name"], at_once=True)
    for node in ready:
        live.apply(pod_for(node, namespace, host))

    def ended() -> bool:
        return all(_phase(pod) in DONE for pod in live.list(PODS, namespace, SELECTOR))

    live.until(ended, patience_s)
    pods = {pod["spec"]["nodeName"]: pod for pod in live.list(PODS, namespace, SELECTOR)}
    for pod in pods.values():
        live.delete(PODS, namespace, pod["metadata"]["name"], at_once=True)
    return [f"{node}: {why}" for node in nodes if (why := _trouble(node in ready, pods.get(node)))]


def pod_for(node: str, namespace: str, host: Host) -> Object:
    """A pod that runs `spo clean-up` on this node: root without capabilities, as the daemon was."""
    return {
        "apiVersion": PODS.api_version,
        "kind": PODS.kind,
        "metadata": {
            "name": f"{NAME}-{labels.digest(node)[:16]}",
            "namespace": namespace,
            "labels": {**labels.APP_LABELS, "name": NAME},
        },
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "tolerations": [{"operator": "Exists"}],
            "imagePullSecrets": list(host.pull_secrets),
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [_container(host)],
            "volumes": [
                {"name": "seccomp", "hostPath": {"path": f"{host.kubelet_dir}/seccomp", "type": "DirectoryOrCreate"}}
            ],
        },
    }


def _container(host: Host) -> dict[str, Any]:
    return {
        "name": NAME,
        "image": host.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["clean-up"],
        "env": [{"name": "KUBELET_DIR", "value": host.kubelet_dir}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seLinuxOptions": {"type": SELINUX_TYPE},
        },
        "volumeMounts": [{"name": "seccomp", "mountPath": f"{host.kubelet_dir}/seccomp"}],
    }


def _linux(node: Object) -> bool:
    return bool(node["metadata"].get("labels", {}).get("kubernetes.io/os", "linux") == "linux")


def _ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _phase(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def _trouble(ready: bool, pod: Object | None) -> str:
    """Why a node may not be clean; empty if it is."""
    if not ready:
        return "the node is not ready"
    if pod is None:
        return "its pod went away"
    if _phase(pod) == "Succeeded":
        return ""
    for each in pod.get("status", {}).get("containerStatuses") or ():
        state = each.get("state", {})
        told = state.get("terminated") or state.get("waiting") or {}
        return " ".join(filter(None, (told.get("reason"), told.get("message")))) or "its pod did not end"
    return f"its pod is {_phase(pod) or 'not started'}"
