"""What the API server adds to a pod's spec, in pods and in templates of workloads (pkg/apis/core/v1/defaults.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from spo.sim.api.kinds import Object, clone

SPEC: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
CONTAINER: Object = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
PROBE: Object = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
HTTP_GET: Object = {"path": "/", "scheme": "HTTP"}
FIELD_REF: Object = {"apiVersion": "v1"}
FILE_MODE: Object = {"defaultMode": 420}
# Only pods, not templates: what admission adds (Priority, DefaultTolerationSeconds), and one default of the type.
POD: Object = {"priority": 0, "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"}
SYSTEM_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
TOLERATED_S = 300
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def fill(target: Object, defaults: Object) -> None:
    """Add what is missing."""
    for field, value in defaults.items():
        if field not in target:
            target[field] = clone(value)


def default_spec(spec: Object) -> None:
    """The defaults pods and templates share."""
    fill(spec, SPEC)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]  # the deprecated alias follows
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    host_network = spec.get("hostNetwork", False)
    for _, container in containers(spec):
        _default_container(container, host_network)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def default_pod(spec: Object) -> None:
    """The defaults of pods alone."""
    if "priority" not in spec and spec.get("priorityClassName") in SYSTEM_PRIORITIES:
        spec["priority"] = SYSTEM_PRIORITIES[spec["priorityClassName"]]
    fill(spec, POD)
    for container in spec.get("containers") or ():
        limits = (container.get("resources") or {}).get("limits")
        if limits:
            fill(container["resources"].setdefault("requests", {}), limits)


def tolerate(spec: Object) -> None:
    """What admission adds on creation: stay five minutes on a node that is lost, unless the pod says otherwise."""
    tolerations = spec.setdefault("tolerations", [])
    for key in TOLERATED:
        if not any(_covers(toleration, key) for toleration in tolerations):
            toleration = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATED_S}
            tolerations.append(toleration)


def quality(spec: Object) -> str:
    """The pod's quality-of-service class."""
    resources = [container.get("resources") or {} for _, container in containers(spec)]
    wants = [(entry.get("requests") or {}, entry.get("limits") or {}) for entry in resources]
    if not any(requests or limits for requests, limits in wants):
        return "BestEffort"
    full = ({"cpu", "memory"} <= set(limits) and {**limits, **requests} == limits for requests, limits in wants)
    guaranteed = all(full)
    return "Guaranteed" if guaranteed else "Burstable"


def containers(spec: Object) -> Iterator[tuple[str, Object]]:
    """Every container of a pod, with its path below the spec: `initContainers[0]`."""
    for field in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(field) or ()):
            yield f"{field}[{index}]", container


def _covers(toleration: Object, key: str) -> bool:
    """Does it tolerate that taint with effect NoExecute? What is left out matches all."""
    named: bool = toleration.get("key", key) == key
    return named and toleration.get("effect", "NoExecute") == "NoExecute"


def _default_container(container: Object, host_network: bool) -> None:
    fill(container, CONTAINER)
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = "Always" if _is_latest(container.get("image", "")) else "IfNotPresent"
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if field in container:
            fill(container[field], PROBE)
            _default_handler(container[field])
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _default_handler(handler)
    for variable in container.get("env") or ():
        _default_field_ref(variable.get("valueFrom"))


def _is_latest(image: str) -> bool:
    name = image.partition("@")
    tag = name[0].rpartition("/")[2].partition(":")[2]
    return not name[2] and tag in ("", "latest")


def _default_handler(handler: Object) -> None:
    if "httpGet" in handler:
        fill(handler["httpGet"], HTTP_GET)
    if "grpc" in handler:
        handler["grpc"].setdefault("service", "")


def _default_field_ref(source: Any) -> None:
    if source and "fieldRef" in source:
        fill(source["fieldRef"], FIELD_REF)


def _default_volume(volume: Object) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for field, complete in _VOLUMES.items():
        if field in volume:
            complete(volume[field])


def _default_downward(source: Object) -> None:
    fill(source, FILE_MODE)
    for item in source.get("items") or ():
        _default_field_ref(item)


def _default_projected(source: Object) -> None:
    fill(source, FILE_MODE)
    for part in source.get("sources") or ():
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in (part.get("downwardAPI") or {}).get("items") or ():
            _default_field_ref(item)


def _default_mode(source: Object) -> None:
    fill(source, FILE_MODE)


def _default_host_path(source: Object) -> None:
    source.setdefault("type", "")


_VOLUMES: dict[str, Callable[[Object], None]] = {
    "configMap": _default_mode,
    "secret": _default_mode,
    "downwardAPI": _default_downward,
    "projected": _default_projected,
    "hostPath": _default_host_path,
}
