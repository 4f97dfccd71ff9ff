"""Pods as a real cluster has them, by the hundred thousand: what an API server stores, managed fields and all.

200 applications share nearly all of their text, as pods of a Deployment do; names, uids, addresses, times and the IDs
of containers are each pod's own. Shape: pods of a kube-apiserver 1.36 with a kubelet; 7 KB of JSON on average.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

APPS = 200
NAMESPACES = 40
LETTERS = b"bcdfghjklmnpqrstvwxz2456789"
SCATTER = 1_000_003  # has no factor in common with the letters: no two numbers meet

Object = dict[str, Any]


def realistic_pods(count: int, nodes: int = 5000, seed: int = 0) -> Iterator[Object]:
    """So many pods; the same for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        app = rng.randrange(APPS)
        own = {
            b"@suffix@": _suffix(number),
            b"@uid@": b"%08x-%04x-4%03x-a%03x-%012x" % tuple(rng.getrandbits(bits) for bits in (32, 16, 12, 12, 48)),
            b"@node@": b"node-%d" % (number % nodes),
            b"@host@": b"10.%d.%d.1" % (number % nodes // 250, number % nodes % 250),
            b"@ip@": b"10.%d.%d.%d" % (128 + number % nodes // 250, number % nodes % 250, 2 + number // nodes),
            b"@when@": b"2026-01-%02dT%02d:%02d:%02dZ"
            % (rng.randint(1, 28), rng.randrange(24), rng.randrange(60), rng.randrange(60)),
        }
        for container in range(3):
            own[b"@id%d@" % container] = b"%064x" % rng.getrandbits(256)
        text = _template(app)
        for word, value in own.items():
            text = text.replace(word, value)
        pod: Object = msgspec.json.decode(text)
        yield pod


def creatable(pod: Object) -> Object:
    """Without what only the server may write."""
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace", "labels", "annotations")}
    return {"metadata": metadata, "spec": {**pod["spec"], "serviceAccountName": "default", "serviceAccount": "default"}}


def _suffix(number: int) -> bytes:
    """Five characters as generated names have them, another five for every number."""
    rest, signs = number * SCATTER % len(LETTERS) ** 5, b""
    for _ in range(5):
        rest, sign = divmod(rest, len(LETTERS))
        signs += LETTERS[sign : sign + 1]
    return signs


@cache
def _template(app: int) -> bytes:
    """A pod of an application, with words in the places that each pod fills by itself."""
    rng = random.Random(app)
    name, revision = f"app-{app:03d}", f"{rng.getrandbits(40):010x}"
    token = {
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        "name": "kube-api-access-@suffix@",
        "readOnly": True,
    }
    containers = [_container(rng, name, number, token) for number in range((1, 1, 2, 2, 3)[app % 5])]
    labels = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": f"{name}-main",
        "app.kubernetes.io/version": f"{rng.randint(0, 9)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}",
        "app.kubernetes.io/managed-by": "Helm",
        "pod-template-hash": revision,
    }
    annotations = {
        "checksum/config": f"{rng.getrandbits(256):064x}",
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9090",
    }
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{name}-{revision}",
        "uid": f"{rng.getrandbits(32):08x}-1111-4222-a333-{rng.getrandbits(48):012x}",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    pod = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": f"{name}-{revision}-@suffix@",
            "generateName": f"{name}-{revision}-",
            "namespace": f"team-{app % NAMESPACES}",
            "uid": "@uid@",
            "generation": 1,
            "creationTimestamp": "@when@",
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner],
            "managedFields": _managed_fields(containers, labels, annotations),
        },
        "spec": _spec(containers, name),
        "status": _status(containers, token),
    }
    return msgspec.json.encode(pod)


def _container(rng: random.Random, app: str, number: int, token: Object) -> Object:
    def probe(path: str) -> Object:
        get = {"path": path, "port": "http", "scheme": "HTTP"}
        return {"httpGet": get, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}

    pod_name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
    password = {"secretKeyRef": {"name": f"{app}-secrets", "key": "database-password"}}
    return {
        "name": ("main", "proxy", "log-shipper")[number],
        "image": f"registry.example.com/shop/{app}-{number}:{rng.randint(1, 9)}.{rng.randint(0, 30)}",
        "args": ["--listen=:8080", f"--peers={app}-headless", "--log-format=json"],
        "ports": [
            {"name": "http", "containerPort": 8080, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
        ],
        "env": [pod_name, {"name": "LOG_LEVEL", "value": "info"}, {"name": "PASSWORD", "valueFrom": password}],
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "50m", "memory": "128Mi"}},
        "volumeMounts": [{"name": "config", "readOnly": True, "mountPath": "/etc/app"}, token],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/ready"),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _spec(containers: list[Object], app: str) -> Object:
    tolerated = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {
        "volumes": [
            {"name": "config", "configMap": {"name": f"{app}-config", "defaultMode": 420}},
            {"name": "kube-api-access-@suffix@", "projected": {"sources": sources, "defaultMode": 420}},
        ],
        "containers": containers,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": app,
        "serviceAccount": app,
        "nodeName": "@node@",
        "securityContext": {"fsGroup": 1000},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300} for key in tolerated
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _status(containers: list[Object], token: Object) -> Object:
    types = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    shown = [
        {
            "name": each["name"],
            "state": {"running": {"startedAt": "@when@"}},
            "lastState": {},
            "ready": True,
            "restartCount": 0,
            "image": each["image"],
            "imageID": f"{each['image'].partition(':')[0]}@sha256:{number:064x}",
            "containerID": f"containerd://@id{number}@",
            "started": True,
            "volumeMounts": [{**token, "recursiveReadOnly": "Disabled"}],
        }
        for number, each in enumerate(containers)
    ]
    condition = {"observedGeneration": 1, "status": "True", "lastProbeTime": None, "lastTransitionTime": "@when@"}
    return {
        "phase": "Running",
        "conditions": [{"type": each, **condition} for each in types],
        "hostIP": "@host@",
        "hostIPs": [{"ip": "@host@"}],
        "podIP": "@ip@",
        "podIPs": [{"ip": "@ip@"}],
        "startTime": "@when@",
        "containerStatuses": shown,
        "qosClass": "Burstable",
        "observedGeneration": 1,
    }


def _managed_fields(containers: list[Object], labels: Object, annotations: Object) -> list[Object]:
    own = {f'k:{{"name":"{each["name"]}"}}': _owned(each) for each in containers}
    made = {
        "f:metadata": {
            "f:generateName": {},
            "f:labels": {".": {}, **_owned(labels)},
            "f:annotations": _owned(annotations),
        },
        "f:spec": {"f:containers": own, "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}},
    }
    reported = {"f:status": {"f:conditions": {}, "f:containerStatuses": {}, "f:phase": {}, "f:podIPs": {}}}
    common = {"apiVersion": "v1", "fieldsType": "FieldsV1", "operation": "Update", "time": "@when@"}
    return [
        {"manager": "kube-controller-manager", **common, "fieldsV1": made},
        {"manager": "kubelet", **common, "fieldsV1": reported, "subresource": "status"},
    ]


def _owned(obj: Object) -> Object:
    return {f"f:{name}": {} for name in obj}
