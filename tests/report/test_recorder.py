"""The timeline is told from what the world shows (commits, requests, disks); each commit is its asker's."""

from __future__ import annotations

import json
from typing import Any

from spo.model.resource import LEASES, NODES, PODS, SECCOMP_PROFILES, SPODS, Resource
from spo.report.describe import short
from spo.report.recorder import Recorder
from spo.report.timeline import lines
from spo.sim.api.http import Request, Response
from spo.sim.history import History
from spo.sim.keys import Keys
from spo.sim.store import Store, StoreKey
from spo.sim.timeline import Timeline

MANAGER = "system:serviceaccount:spo:security-profiles-operator"
DAEMON = "system:serviceaccount:spo:spod"
KUBELET = "system:node:node-1"
MISSING = "open /var/lib/kubelet/seccomp/operator/shop/late.json: no such file or directory"


class Stage:
    """A store whose commits are credited to the users we name."""

    def __init__(self) -> None:
        self.timeline, self.store = Timeline(), Store()
        self.recorder = Recorder(self.timeline, self.store, "spo", History(self.timeline))
        self.token = ""

    def put(self, user: str, resource: Resource, name: str, namespace: str = "shop", **body: Any) -> None:
        metadata = {"name": name, "namespace": namespace, **body.pop("metadata", {})}
        obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **body}
        self.store.put(StoreKey(resource.storage, namespace if resource.namespaced else "", name), obj)
        self.answer(user)

    def answer(self, user: str, status: int = 200, body: bytes = b"{}", asked: bytes = b"") -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        self.recorder.request(Request("PATCH", "/x", (), headers, asked), user, Response(status, (), body))

    @property
    def told(self) -> list[str]:
        return [": ".join(part for part in (f"{x.who}: {x.what}", x.why) if part) for x in lines(self.recorder.facts)]


def profile(state: str, message: str = "", **metadata: Any) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "False", "reason": "ProfileNotAllowed", "message": message}
    return {"metadata": metadata, "status": {"status": state, "conditions": [ready]}}


def pod(phase: str, waiting: dict[str, str] | None = None, **labels: str) -> dict[str, Any]:
    containers = [{"name": "main", "state": {"waiting": waiting} if waiting else {"running": {}}}]
    status = {"phase": phase, "containerStatuses": containers}
    return {"metadata": {"labels": labels}, "spec": {"nodeName": "node-1"}, "status": status}


def test_what_a_person_does_is_told_with_the_fields_that_change() -> None:
    stage = Stage()
    stage.put("admin", SPODS, "spod", "spo", spec={"verbosity": 0})
    stage.put("admin", SPODS, "spod", "spo", spec={"verbosity": 0, "allowedSyscalls": ["exit", "futex"]})
    assert stage.told == [
        "you: applied spod",
        "you: changed spod · allowedSyscalls: nothing → exit, futex",
    ]


def test_a_refusal_is_told_with_the_servers_words() -> None:
    stage = Stage()
    asked = json.dumps({"kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}).encode()
    stage.answer("admin", 422, b'{"message": "spec.containers: Required value"}', asked)
    assert stage.told == ["API server: refused Pod shop/web: spec.containers: Required value"]


def test_refusals_of_others_are_their_own_business() -> None:
    stage = Stage()
    stage.answer(MANAGER, 409, b'{"message": "stale"}')
    assert stage.told == []


def test_a_profile_is_followed_through_its_states() -> None:
    stage = Stage()
    stage.put("admin", SECCOMP_PROFILES, "late")
    stage.put(MANAGER, SECCOMP_PROFILES, "late", **profile("Pending"))
    stage.put(MANAGER, SECCOMP_PROFILES, "late", **profile("Installed", "installed on all nodes"))
    stage.put(MANAGER, SECCOMP_PROFILES, "late", **profile("Error", "mkdir is not on the list"))
    assert stage.told[1:] == [
        "manager: SeccompProfile shop/late → Installed",
        "manager: SeccompProfile shop/late → Error: mkdir is not on the list",
    ]


def test_writes_that_say_nothing_new_are_not_told() -> None:
    stage = Stage()
    stage.put(MANAGER, SECCOMP_PROFILES, "late", **profile("Installed"))
    before = stage.told
    stage.put(MANAGER, SECCOMP_PROFILES, "late", **profile("Installed", annotations={"syscalls": "null"}))
    assert stage.told == before


def test_who_deletes_is_told() -> None:
    stage = Stage()
    stage.put("admin", SECCOMP_PROFILES, "late")
    stage.put(MANAGER, SECCOMP_PROFILES, "late", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    key = StoreKey(SECCOMP_PROFILES.storage, "shop", "late")
    stage.store.delete(key, {"metadata": {"name": "late", "namespace": "shop"}})
    stage.answer(MANAGER)
    assert stage.told[1:] == [
        "manager: deleted SeccompProfile shop/late",
        "manager: SeccompProfile shop/late → gone",
    ]


def test_a_pod_without_its_profile_and_then_with_it() -> None:
    stage = Stage()
    stage.put("system:serviceaccount:kube-system:replicaset-controller", PODS, "late-1", **pod("Pending"))
    stage.put(KUBELET, PODS, "late-1", **pod("Pending", {"reason": "CreateContainerError", "message": MISSING}))
    stage.put(KUBELET, PODS, "late-1", **pod("Pending", {"reason": "CreateContainerError", "message": MISSING}))
    stage.put(KUBELET, PODS, "late-1", **pod("Running"))
    assert stage.told[1:] == [
        f"kubelet node-1: cannot start pod shop/late-1 · CreateContainerError: {MISSING}",
        "kubelet node-1: started pod shop/late-1",
    ]


def test_the_operators_own_pods_are_called_by_what_they_are() -> None:
    stage = Stage()
    stage.put(KUBELET, PODS, "spod-x", "spo", **pod("Running", app="security-profiles-operator", name="spod"))
    assert stage.told[-1] == "kubelet node-1: started daemon pod spod-x"


def test_a_node_that_stops_is_told_once() -> None:
    stage = Stage()
    for status in ("True", "Unknown", "Unknown", "True"):
        ready = {"type": "Ready", "status": status, "message": "Kubelet stopped posting node status."}
        stage.put("system:node-controller", NODES, "node-1", "", status={"conditions": [ready]})
    assert stage.told[1:] == [
        "node controller: node node-1 → NotReady: Kubelet stopped posting node status.",
        "node controller: node node-1 → Ready",
    ]


def test_a_new_leader_is_told_its_renewals_are_not() -> None:
    stage = Stage()
    for second in (1, 2):
        stage.put(MANAGER, LEASES, "lock", "spo", spec={"holderIdentity": "manager-x", "renewTime": str(second)})
    assert stage.told == ["manager: leads: manager-x"]


def test_files_are_told_with_the_node_and_as_pods_name_them() -> None:
    stage = Stage()
    stage.recorder.file("node-1", "/var/lib/kubelet/seccomp/operator/shop/late.json", b"{}")
    stage.recorder.file("node-1", "/var/lib/kubelet/pki/kubelet.crt", b"")
    stage.recorder.file("node-1", "/var/lib/kubelet/seccomp/operator/shop/late.json", None)
    assert stage.told == [
        "daemon node-1: wrote file operator/shop/late.json",
        "daemon node-1: removed file operator/shop/late.json",
    ]


def test_a_daemon_is_placed_by_the_pod_its_token_was_made_for() -> None:
    stage = Stage()
    stage.put("admin", PODS, "spod-x", "spo", **pod("Running"))
    stage.token = Keys(stage.timeline.rng).service_account_token("spo", "spod", "u-1", "spod-x")
    stage.put(DAEMON, SECCOMP_PROFILES, "late", **profile("Error", "disk full"))
    assert stage.told[-1] == "daemon node-1: SeccompProfile shop/late → Error: disk full"


def test_what_happens_while_muted_is_in_the_history_only() -> None:
    stage = Stage()
    entries = stage.recorder.history.entries
    with stage.recorder.muted():
        stage.put("admin", PODS, "web", **pod("Running"))
    assert stage.told == []
    assert stage.recorder.history.entries == entries + 1
    stage.put("admin", PODS, "db", **pod("Running"))
    assert stage.told == ["you: applied Pod shop/db"]


def test_values_are_told_in_a_few_words() -> None:
    assert short(["a", "b"]) == "a, b"
    assert short([str(i) for i in range(8)]) == "0, 1, 2, 3, 4, 5 and 2 more"
    assert (short(None), short([])) == ("nothing", "empty")
    assert short({"memory": "64Mi"}) == '{"memory":"64Mi"}'
    assert short("x" * 100).endswith("…")
