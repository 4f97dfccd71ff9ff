"""Pods by the thousand, as a busy cluster has them: for benchmarks, and for `spo try --pods`. Shape: a real dump."""

from __future__ import annotations

from typing import Any

from spo.sim.node.podstatus import image_id

Object = dict[str, Any]

MOUNT = {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access", "readOnly": True}
CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
TOLERATIONS = [
    {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
]
NAMESPACE_FIELD = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}
TOKEN_SOURCES = [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
    {"downwardAPI": {"items": [NAMESPACE_FIELD]}},
]


def running_pod(
    number: int,
    namespace: str,
    node: str,
    host_ip: str,
    pod_ip: str,
    now: str,
    image: str = "images.test/busybox:1",
    app: str = "load",
) -> Object:
    """Number `number` of a crowd, running on `node` since `now`."""
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": f"{app}-{number:06d}",
            "namespace": namespace,
            "generation": 1,
            "creationTimestamp": now,
            "labels": {"app": app},
        },
        "spec": _spec(node, image),
        "status": _status(number, host_ip, pod_ip, now, image),
    }


def _spec(node: str, image: str) -> Object:
    main = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "64Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [MOUNT],
    }
    return {
        "containers": [main],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "nodeName": node,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "tolerations": TOLERATIONS,
        "volumes": [{"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": TOKEN_SOURCES}}],
    }


def _status(number: int, host_ip: str, pod_ip: str, now: str, image: str) -> Object:
    container = {
        "containerID": f"containerd://{number:064x}",
        "image": image,
        "imageID": image_id(image),
        "lastState": {},
        "name": "main",
        "ready": True,
        "restartCount": 0,
        "started": True,
        "state": {"running": {"startedAt": now}},
        "volumeMounts": [{**MOUNT, "recursiveReadOnly": "Disabled"}],
    }
    since = {"lastProbeTime": None, "lastTransitionTime": now, "observedGeneration": 1, "status": "True"}
    return {
        "conditions": [{**since, "type": type_} for type_ in CONDITIONS],
        "containerStatuses": [container],
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "observedGeneration": 1,
        "phase": "Running",
        "podIP": pod_ip,
        "podIPs": [{"ip": pod_ip}],
        "qosClass": "Burstable",
        "startTime": now,
    }
