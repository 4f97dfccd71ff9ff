"""What an API server puts into an empty store by itself: the first namespaces, the Service that leads to it, roles.

Source: pkg/controlplane/controller/{systemnamespaces,kubernetesservice}; the objects as kubeadm's clusters show them.
`builtin/bootstrap.json`: roles, bindings and priority classes, recorded from a kube-apiserver 1.36.3 that has just been
started; `admin`, `edit` and `view` as the controller manager fills them (rbac/bootstrappolicy).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from spo.sim.keys import Keys
from spo.sim.store import Store, StoreKey

Object = dict[str, Any]

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
SERVICE_IP = "10.96.0.1"  # the first of the range
SERVER_IP = "172.18.0.2"

_PORT = {"name": "https", "port": 6443, "protocol": "TCP"}
_SERVICE: Object = {
    "metadata": {"labels": {"component": "apiserver", "provider": "kubernetes"}},
    "spec": {
        "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}],
        "clusterIP": SERVICE_IP,
        "clusterIPs": [SERVICE_IP],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    },
    "status": {"loadBalancer": {}},
}
_ENDPOINTS: Object = {
    "metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
    "subsets": [{"addresses": [{"ip": SERVER_IP}], "ports": [_PORT]}],
}
_SLICE: Object = {
    "metadata": {"labels": {"kubernetes.io/service-name": "kubernetes"}, "generation": 1},
    "addressType": "IPv4",
    "endpoints": [{"addresses": [SERVER_IP], "conditions": {"ready": True}}],
    "ports": [_PORT],
}


def begin(store: Store, keys: Keys, stamp: str) -> None:
    """Put there what is not there yet."""
    for key, obj in _first_objects():
        if store.get(key) is None:
            head = {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}
            named = {"name": key.name, **({"namespace": key.namespace} if key.namespace else {})}
            metadata = {**named, "uid": keys.uid(), "creationTimestamp": stamp, **obj["metadata"]}
            store.put(key, {**head, **obj, "metadata": metadata})


@cache
def _recorded() -> list[tuple[StoreKey, Object]]:
    """Nobody changes them: `begin` makes objects of its own of them."""
    text = files("spo.sim.api.builtin").joinpath("bootstrap.json").read_bytes()
    kinds: dict[str, list[Object]] = msgspec.json.decode(text)
    return [
        (StoreKey(storage, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]), obj)
        for storage, objects in kinds.items()
        for obj in objects
    ]


def _first_objects() -> Iterator[tuple[StoreKey, Object]]:
    for name in NAMESPACES:
        labels = {"kubernetes.io/metadata.name": name}
        alive = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        head = {"kind": "Namespace", "apiVersion": "v1"}
        yield StoreKey("namespaces", "", name), {**head, "metadata": {"labels": labels}, **alive}
    for resource, kind, version, obj in (
        ("services", "Service", "v1", _SERVICE),
        ("endpoints", "Endpoints", "v1", _ENDPOINTS),
        ("endpointslices.discovery.k8s.io", "EndpointSlice", "discovery.k8s.io/v1", _SLICE),
    ):
        yield StoreKey(resource, "default", "kubernetes"), {"kind": kind, "apiVersion": version, **obj}
    yield from _recorded()
