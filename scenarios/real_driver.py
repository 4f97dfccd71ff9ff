"""A real cluster, the one of the current kubeconfig, with the operator that runs there."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import yaml

from scenarios import shell_blocks
from scenarios.driver import Refused
from scenarios.manifests import Manifest
from scenarios.node_disk import NodeDisk
from scenarios.real_client import RESOURCES, Client, Failed, is_ready
from scenarios.states import GONE, NEW, SETTLES_S_MAX, StateRecorder, States, is_settled
from spo.model.labels import APP
from spo.model.resource import DEPLOYMENTS, LEASES, NAMESPACES, NODE_STATUSES, PODS, SECCOMP_PROFILES, SPODS
from spo.observe.counters import PREFIX
from spo.real.transport import Transport
from spo.reconcile.leader import LOCK
from spo.render.health import PORT
from spo.render.install import KUBELET_DIR

T = TypeVar("T")

POLL_S = 0.2
STAYS_S_MAX = 2.0  # real time is dear: what would go wrong later, the simulated world shows
TOLD_S_MAX = 15.0
CLEAN_S_MAX = 60.0
RESIDENT = "process_resident_memory_bytes"
LABEL_OF = {"manager": f"app={APP},name={APP}", "daemon": f"app={APP},name=spod"}


class NotThere(Exception):
    """The cluster has no operator that stories could be told with; the message says what is missing."""


class Reality:
    """What all stories share: the connection, the pods on the nodes, and a watch on all profiles."""

    def __init__(self) -> None:
        self.client = Client(Transport(agent="spo-stories"))
        manager = self.manager()
        container = manager["spec"]["template"]["spec"]["containers"][0]
        told = {each["name"]: each.get("value", "") for each in container.get("env", ())}
        root = f"{told.get('KUBELET_DIR') or KUBELET_DIR}/seccomp/operator"
        self.operator_namespace: str = manager["metadata"]["namespace"]
        self.disk = NodeDisk(self.client, container["image"], root)
        self.recorder = StateRecorder()
        self._numbers = itertools.count(1)

    def __enter__(self) -> Reality:
        self.disk.up()
        version = self.client.version(SECCOMP_PROFILES)
        threading.Thread(target=self._watch, args=(version,), name="states", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.disk.down()
        wait(lambda: not self._namespaces(), CLEAN_S_MAX)
        left = self._namespaces()
        assert not left, f"namespaces of stories do not go: {left}"

    def namespace(self) -> str:
        """A new one, for a story."""
        name = f"story-{os.getpid()}-{next(self._numbers)}"
        head = {"apiVersion": NAMESPACES.api_version, "kind": NAMESPACES.kind}
        self.client.create(NAMESPACES, {**head, "metadata": {"name": name, "labels": {"app": "spo-stories"}}})
        return name

    def _namespaces(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.client.list(NAMESPACES, labels="app=spo-stories")]

    def metrics(self) -> dict[tuple[str, str], float]:
        """(pod of the operator, name with labels) → value."""
        found = {}
        for pod in self.client.list(PODS, self.operator_namespace, f"app={APP}"):
            name = pod["metadata"]["name"]
            if not is_ready(pod):  # the API server would wait half a minute for one that has ended
                continue
            try:
                text = self.client.through(self.operator_namespace, name, PORT, "metrics").decode()
            except Failed:  # it ends
                continue
            for line in text.splitlines():
                what, _, value = line.rpartition(" ")
                found[name, what] = float(value)
        return found

    def memory(self) -> list[str]:
        """What each process of the operator holds now, in words."""
        resident = {pod: value for (pod, what), value in self.metrics().items() if what == RESIDENT}
        return [f"{pod}: {value / 2**20:.1f} MiB resident" for pod, value in sorted(resident.items())]

    def manager(self) -> Manifest:
        """The operator's Deployment. Raises NotThere."""
        found = self.client.list(DEPLOYMENTS, labels=f"app={APP}")
        if len(found) != 1:
            raise NotThere(f"there are {len(found)} Deployments with label app={APP}; install the operator once")
        return found[0]

    def _watch(self, version: str) -> None:
        for event in self.client.watch(SECCOMP_PROFILES, version):
            self.recorder.seen(event["object"], deleted=event["type"] == "DELETED")


class RealDriver:
    """One story's powers over the real cluster, and what it must put back at its end."""

    stays_s_max = STAYS_S_MAX
    patience_s = 0.0

    def __init__(self, reality: Reality) -> None:
        self._reality = reality
        self._client = reality.client
        self.operator_namespace = reality.operator_namespace
        self.namespace = reality.namespace()
        self._spod = self._spod_spec()
        self._manager = reality.manager()["spec"]
        self._counted = reality.metrics()
        self._killed = False
        self._visited: tuple[str, ...] = ()  # namespaces that are not the story's own, and that it tells of
        self._elsewhere: list[Manifest] = []  # what was made outside the story's namespace

    # -- the API -----------------------------------------------------------------------------------------------------

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return self._client.get(RESOURCES[kind], namespace, name)

    def list(self, kind: str, namespace: str) -> list[Manifest]:
        return self._client.list(RESOURCES[kind], namespace)

    def create(self, manifest: Manifest) -> Manifest:
        made = _asked(lambda: self._client.create(RESOURCES[manifest["kind"]], manifest))
        if made["metadata"].get("namespace") != self.namespace:
            self._elsewhere.append(made)
        return made

    def create_with_warnings(self, manifest: Manifest, validation: str) -> list[str]:
        resource = RESOURCES[manifest["kind"]]
        return [*_asked(lambda: self._client.create_with_warnings(resource, manifest, validation))]

    def patch(self, kind: str, namespace: str, name: str, patch: Manifest) -> Manifest:
        return _asked(lambda: self._client.patch(RESOURCES[kind], namespace, name, patch))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        _asked(lambda: self._client.delete(RESOURCES[kind], namespace, name))

    def types(self, block: str, given: str) -> None:
        self._elsewhere += yaml.safe_load_all(given)
        if wrong := shell_blocks.by_shell(block, self.operator_namespace, given):
            raise Refused(wrong)

    def visit(self, namespace: str) -> None:
        self._visited = (*self._visited, namespace)

    # -- time --------------------------------------------------------------------------------------------------------

    def until(self, check: Callable[[], bool], max_s: float) -> bool:
        return wait(check, max_s)

    # -- nodes -------------------------------------------------------------------------------------------------------

    def nodes(self) -> list[str]:
        return self._reality.disk.nodes()

    def files(self, node: str) -> dict[str, bytes]:
        return self._reality.disk.files(node)

    def write_file(self, node: str, path: str, data: bytes | None) -> None:
        if data is None:
            self._reality.disk.remove(node, path)
        else:
            self._reality.disk.write(node, path, data)

    # -- the operator's processes ------------------------------------------------------------------------------------

    def metric(self, name: str, **labels: str) -> float:
        """What this story added, as far as the processes that counted it still live."""
        inside = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
        line = PREFIX + name + (f"{{{inside}}}" if inside else "")
        counted = self._reality.metrics().items()
        return sum(value - self._counted.get(key, 0.0) for key, value in counted if key[1] == line)

    def kill(self, role: str) -> None:
        self._killed = True
        pods = self._client.list(PODS, self.operator_namespace, LABEL_OF[role])
        for node in {pod["spec"]["nodeName"] for pod in pods}:
            uids = [pod["metadata"]["uid"] for pod in pods if pod["spec"]["nodeName"] == node]
            assert self._reality.disk.kill(node, role, uids), f"no process of {role} was found on {node}"

    def managers(self) -> list[str]:
        """The manager's pods that run, the leader first."""
        lease = self.get(LEASES.kind, self.operator_namespace, LOCK) or {"spec": {}}
        pods = self._client.list(PODS, self.operator_namespace, LABEL_OF["manager"])
        found = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return sorted(found, key=lambda pod: (pod != lease["spec"].get("holderIdentity"), pod))

    def story(self) -> str:
        """How it stands, for a story that failed."""
        told = [json.dumps(self.states())]
        for event in self.list("Event", self.namespace):
            on = event["involvedObject"]
            told.append(f"{on['kind']} {on.get('name')}: {event['reason']}: {event['message']}")
        return "\n".join(told)

    # -- the story's end ---------------------------------------------------------------------------------------------

    def states(self) -> States:
        """What its profiles went through; waits until nothing is under way, and until the watch has brought all."""

        def told() -> States:
            return self._reality.recorder.of(self.namespace, *self._visited)

        wait(lambda: is_settled(told()), SETTLES_S_MAX)
        places = {self.namespace: "", **{namespace: f"{namespace}/" for namespace in self._visited}}
        there = {
            prefix + each["metadata"]["name"]: each.get("status", {}).get("status") or NEW
            for namespace, prefix in places.items()
            for each in self._client.list(SECCOMP_PROFILES, namespace)
        }

        def is_told() -> bool:
            return {name: states[-1] for name, states in told().items() if states[-1] != GONE} == there

        wait(is_told, TOLD_S_MAX)
        return told()

    def end(self) -> list[str]:
        """Put back what the story changed, and remove what it made. Gives what the operator left behind."""
        for made in self._elsewhere:
            with contextlib.suppress(Failed):  # the story itself may have deleted it
                metadata = made["metadata"]
                self._client.delete(RESOURCES[made["kind"]], metadata.get("namespace", ""), metadata["name"])
        self._restore_operator()
        self._client.delete_all(DEPLOYMENTS, self.namespace)
        self._client.delete_all(PODS, self.namespace, grace_s=0)
        self._client.delete_all(SECCOMP_PROFILES, self.namespace)
        wait(lambda: not self._held(), CLEAN_S_MAX)
        left = self._held()
        for kind, name in left:
            self._client.patch(RESOURCES[kind], self.namespace, name, {"metadata": {"finalizers": None}})
        wrong = [f"{kind} {name} was never let go" for kind, name in left]
        for node in self.nodes():
            wrong += [f"{node}: {path}" for path in self.files(node) if path.startswith(f"{self.namespace}/")]
        self._client.delete(NAMESPACES, "", self.namespace)
        if self._killed:
            self._fresh_pods()
        return wrong

    def _held(self) -> list[tuple[str, str]]:
        kinds = (SECCOMP_PROFILES, NODE_STATUSES)
        return [
            (kind.kind, each["metadata"]["name"]) for kind in kinds for each in self.list(kind.kind, self.namespace)
        ]

    def _spod_spec(self) -> Manifest:
        found = self._client.get(SPODS, self.operator_namespace, "spod")
        if found is None:
            raise NotThere(f"there is no spod in {self.operator_namespace}")
        spec: Manifest = found["spec"]
        return spec

    def _restore_operator(self) -> None:
        wait(lambda: self.get(SPODS.kind, self.operator_namespace, "spod") is not None, CLEAN_S_MAX)
        now = self._spod_spec()
        if now != self._spod:
            self.patch(SPODS.kind, self.operator_namespace, "spod", {"spec": undoing(self._spod, now)})
        manager = self._reality.manager()
        if manager["spec"] != self._manager:
            back = {"spec": undoing(self._manager, manager["spec"])}
            self.patch(DEPLOYMENTS.kind, self.operator_namespace, manager["metadata"]["name"], back)
            self._killed = True  # its pods come anew
        wait(self._spod_is_heard, CLEAN_S_MAX)

    def _spod_is_heard(self) -> bool:
        found = self.get(SPODS.kind, self.operator_namespace, "spod") or {}
        conditions = found.get("status", {}).get("conditions", ())
        heard = all(each.get("observedGeneration") == found["metadata"]["generation"] for each in conditions)
        return bool(conditions) and heard and found["status"].get("state") == "RUNNING"

    def _fresh_pods(self) -> None:
        """The next story must not wait for what is left of a back-off: pods that never crashed have none."""
        for pod in self._client.list(PODS, self.operator_namespace, f"app={APP}"):
            if any(each["restartCount"] for each in pod["status"].get("containerStatuses", ())):
                self._client.delete(PODS, self.operator_namespace, pod["metadata"]["name"], grace_s=0)
        assert wait(self._all_ready, CLEAN_S_MAX), "the operator's pods are not ready again"

    def _all_ready(self) -> bool:
        pods = self._client.list(PODS, self.operator_namespace, f"app={APP}")
        managers = self._client.list(DEPLOYMENTS, self.operator_namespace, f"app={APP}")[0]["spec"]["replicas"]
        return all(map(is_ready, pods)) and len(pods) == managers + len(self.nodes())


def undoing(before: Manifest, now: Manifest) -> Manifest:
    """The merge patch that leads back."""
    patch: Manifest = {name: None for name in now if name not in before}
    for name, value in before.items():
        standing = now.get(name)
        if standing != value:
            both = isinstance(value, dict) and isinstance(standing, dict)
            patch[name] = undoing(value, standing) if both else value
    return patch


def wait(check: Callable[[], bool], max_s: float) -> bool:
    """Look again and again, in real time."""
    deadline = time.monotonic() + max_s
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _asked(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except Failed as failed:
        raise Refused(failed.message) from failed


__all__ = ["NotThere", "RealDriver", "Reality", "wait"]
