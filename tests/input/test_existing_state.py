"""A dump of a real cluster is taken as the present state: nothing that runs is started anew, nothing is thrown away."""

from __future__ import annotations

from typing import Any

from spo.input.existing_state import UNKNOWN_PROFILE, adopt
from spo.input.load import Loaded, Source
from spo.sim.cluster import SimulatedCluster
from spo.sim.store import StoreKey

CART = "/var/lib/kubelet/seccomp/operator/shop/cart.json"
CREATED = "2026-11-23T15:44:45Z"


def dumped(kind: str, name: str, namespace: str = "", api_version: str = "v1", **more: Any) -> Loaded:
    metadata = {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": CREATED, "resourceVersion": "9"}
    metadata |= {"namespace": namespace} if namespace else {}
    metadata |= more.pop("metadata", {})
    return Loaded({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}, Source("a.yaml", 1, 0, 1))


def pod(name: str, profile: str, state: dict[str, Any], phase: str, **metadata: Any) -> Loaded:
    seccomp = {"type": "Localhost", "localhostProfile": f"operator/shop/{profile}.json"}
    running = "running" in state
    container = {"name": "main", "image": "x", "ready": running, "started": running, "restartCount": 0, "state": state}
    spec = {
        "nodeName": "worker-a",
        "restartPolicy": "Always",
        "securityContext": {"seccompProfile": seccomp},
        "containers": [{"name": "main", "image": "x", "command": ["sleep", "100000"]}],
    }
    status = {"phase": phase, "podIP": "10.0.0.1", "startTime": CREATED, "containerStatuses": [container]}
    return dumped("Pod", name, "shop", metadata=metadata, spec=spec, status=status)


def running(name: str = "cart-1", profile: str = "cart", **metadata: Any) -> Loaded:
    return pod(name, profile, {"running": {"startedAt": CREATED}}, "Running", **metadata)


def waiting(name: str = "late-1", profile: str = "late") -> Loaded:
    why = {"reason": "CreateContainerError", "message": "no such file or directory"}
    return pod(name, profile, {"waiting": why}, "Pending")


NODE = dumped("Node", "worker-a", spec={}, status={"conditions": [{"type": "Ready", "status": "True"}]})
SHOP = dumped("Namespace", "shop", status={"phase": "Active"})


def cluster_of(*items: Loaded) -> tuple[SimulatedCluster, list[str]]:
    cluster = SimulatedCluster(nodes=0)
    return cluster, adopt(cluster, items)


def phase_of(cluster: SimulatedCluster, name: str) -> tuple[str, str]:
    record = cluster.store.get(StoreKey("pods", "shop", name))
    assert record is not None
    status = record.object()["status"]
    return status["phase"], next(iter(status["containerStatuses"][0]["state"]))


def test_nodes_of_the_dump_become_simulated_nodes() -> None:
    cluster, notes = cluster_of(NODE, SHOP, running())
    assert list(cluster.nodes) == ["worker-a"]
    assert notes == []


def test_what_the_server_set_stays_and_running_pods_are_not_started_anew() -> None:
    cluster, _ = cluster_of(NODE, SHOP, running())
    cluster.run(120)
    record = cluster.store.get(StoreKey("pods", "shop", "cart-1"))
    assert record is not None
    obj = record.object()
    assert obj["metadata"]["uid"] == "uid-of-cart-1"
    assert obj["status"]["containerStatuses"][0]["state"] == {"running": {"startedAt": CREATED}}
    assert obj["status"]["containerStatuses"][0]["restartCount"] == 0


def test_a_profile_that_pods_run_under_stands_on_the_disk_of_their_node() -> None:
    cluster, _ = cluster_of(NODE, SHOP, running(), waiting())
    disk = cluster.nodes["worker-a"].disk
    assert disk.read(CART) == UNKNOWN_PROFILE
    assert not disk.exists(CART.replace("cart", "late"))


def test_a_pod_that_waits_for_its_profile_waits_until_the_file_comes() -> None:
    cluster, _ = cluster_of(NODE, SHOP, waiting())
    cluster.run(120)
    assert phase_of(cluster, "late-1") == ("Pending", "waiting")
    cluster.nodes["worker-a"].disk.write(CART.replace("cart", "late"), UNKNOWN_PROFILE)
    assert cluster.run_until(lambda: phase_of(cluster, "late-1") == ("Running", "running"), 400)


def test_pods_whose_owner_is_not_in_the_dump_are_not_collected_as_garbage() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart", "uid": "gone", "controller": True}
    cluster, notes = cluster_of(NODE, SHOP, running(ownerReferences=[owner]))
    cluster.run(120)
    assert phase_of(cluster, "cart-1") == ("Running", "running")
    assert notes == ["owners that are not in the input: ReplicaSet (1); what they own stands by itself here"]


def test_owners_that_are_in_the_dump_stay_owners() -> None:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "other", "uid": "uid-of-other"}
    cluster, _ = cluster_of(NODE, SHOP, running("other"), running(ownerReferences=[owner]))
    record = cluster.store.get(StoreKey("pods", "shop", "cart-1"))
    assert record is not None
    assert record.object()["metadata"]["ownerReferences"] == [owner]


def test_namespaces_and_nodes_that_the_dump_does_not_have_are_made_and_told() -> None:
    cluster, notes = cluster_of(running())
    assert list(cluster.nodes) == ["worker-a"]
    assert notes == [
        "namespace shop was not in the input, and was made",
        "1 node that pods run on but that the input does not have was made: worker-a",
    ]


def test_the_loaded_objects_themselves_are_not_changed() -> None:
    owner = {"kind": "ReplicaSet", "name": "cart", "uid": "gone"}
    item = running(ownerReferences=[owner])
    cluster_of(NODE, SHOP, item)
    assert item.object["metadata"]["ownerReferences"] == [owner]


CRD = dumped(
    "CustomResourceDefinition",
    "watchwords.example.org",
    api_version="apiextensions.k8s.io/v1",
    spec={
        "group": "example.org",
        "names": {"plural": "watchwords", "singular": "watchword", "kind": "Watchword", "listKind": "WatchwordList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "word": {"type": "string"},
                                    "days": {"type": "integer", "default": 7},
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
)


def test_a_custom_resource_is_read_as_its_definition_has_it_now_and_what_is_gone_is_told() -> None:
    old = [dumped("Watchword", f"w{n}", "shop", "example.org/v1", spec={"word": "a", "loud": True}) for n in range(7)]

    cluster, notes = cluster_of(SHOP, CRD, *old)

    record = cluster.store.get(StoreKey("watchwords.example.org", "shop", "w0"))
    assert record is not None and record.object()["spec"] == {"word": "a", "days": 7}
    assert old[0].object["spec"] == {"word": "a", "loud": True}
    (note,) = notes
    named = "Watchword shop/w0, shop/w1, shop/w2, shop/w3, shop/w4 and 2 more"
    assert note == f"{named}: spec.loud is no field of the CRD here, and the API server drops it"
