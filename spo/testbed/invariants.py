"""What must never be true of a world with the operator in it, checked after each revision; and what must at rest.

*Never* looks only at what a revision touched. *Finally* sweeps everything, once the world has come to rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from spo.model import labels
from spo.model.builtin import PodUse
from spo.model.manifest import from_manifest
from spo.model.node_status import name_of
from spo.model.resource import LEASES, NODE_STATUSES, PODS, SECCOMP_PROFILES
from spo.model.seccomp import LOCALHOST_ROOT, SeccompProfile, file_from_localhost
from spo.reconcile.leader import LOCK
from spo.sim.api.access.authn import User
from spo.sim.api.http import Request, Response
from spo.sim.cluster import SimulatedCluster
from spo.sim.node.disk import DiskChange
from spo.sim.node.node import Node
from spo.sim.store import Change, Record, Store, StoreKey

ROOT = "/var/lib/kubelet/seccomp/operator"
PROFILES = SECCOMP_PROFILES.storage
STATUSES = NODE_STATUSES.storage
POD_NAME = "authentication.kubernetes.io/pod-name"
REFUSALS = {403: "asked for what its role does not grant", 422: "sent what the server will never take"}

Object = dict[str, Any]


class Violation(AssertionError):
    """Something that must never happen happened."""


class Checks:
    """Watches one simulated cluster. `tampering`: a story changes files by hand, which is not the operator's doing."""

    def __init__(self, cluster: SimulatedCluster, operator_namespace: str) -> None:
        self._cluster = cluster
        self._namespace = operator_namespace
        self._accounts = f"system:serviceaccount:{operator_namespace}:"
        self._manager = f"{self._accounts}{labels.APP}"
        self.tampering = False
        self.allowed_refusals: set[int] = set()
        self.seen = 0  # revisions looked at
        cluster.store.subscribe(self._commit)
        cluster.api.observers.append(self._request)

    def watch(self, node: Node) -> None:
        """Listen to a node's disk, too."""
        node.disk.subscribe(lambda change: self._file(node, change))

    # -- never -------------------------------------------------------------------------------------------------------

    def _commit(self, change: Change) -> None:
        self.seen += 1
        if change.key.resource == STATUSES:
            if change.before is not None:
                self._who_lets_go_has_cleared_away(change.before.object(), change.after)
            if change.after is not None:
                self._installed_means_the_very_bytes(change.after.object())
        elif change.key.resource == PROFILES and change.after is not None:
            self._installed_everywhere_means_everywhere(change)

    def _who_lets_go_has_cleared_away(self, before: Object, after: Record | None) -> None:
        """A daemon that gives up its finalizer leaves no file of a profile that goes: nobody would remove it."""
        still = after.object()["metadata"].get("finalizers", ()) if after is not None else ()
        node, path = self._cluster.nodes.get(before["nodeName"]), _file_of(before)
        if not _is_held(before) or labels.NODE_FINALIZER in still or node is None or path is None:
            return
        profile = self._profile(before["metadata"]["namespace"], _profile_name(before))
        stays = profile is not None and "deletionTimestamp" not in profile["metadata"]
        if not stays and node.lives and _has_daemon(self._cluster, node) and _hash(node, path) is not None:
            raise Violation(f"{before['metadata']['name']} was let go, and {node.name}:{path} is still there")

    def _installed_means_the_very_bytes(self, status: Object) -> None:
        if status["status"] != "Installed" or self.tampering:
            return
        node, path = self._cluster.nodes.get(status["nodeName"]), _file_of(status)
        if node is None or path is None:
            return
        form = status["metadata"].get("annotations", {}).get(labels.FORM)
        found = _hash(node, path)
        if found != form and form is not None and _is_news(self._cluster.store, status):
            name = f"{status['metadata']['namespace']}/{status['metadata']['name']}"
            raise Violation(f"node status {name} says Installed ({form[:8]}), but {node.name}:{path} has {found}")

    def _installed_everywhere_means_everywhere(self, change: Change) -> None:
        assert change.after is not None
        profile = from_manifest(change.after.object(), SeccompProfile)
        before = from_manifest(change.before.object(), SeccompProfile) if change.before is not None else None
        if profile.status.status != "Installed" or (before is not None and before.status == profile.status):
            return
        for node in self._cluster.nodes.values():
            if not _has_daemon(self._cluster, node) or not node.lives or self.tampering:
                continue
            found = _hash(node, f"{ROOT}/{profile.file}")
            if found != profile.status.installed_form:
                name = f"{profile.metadata.namespace}/{profile.metadata.name}"
                raise Violation(f"profile {name} says Installed, but {node.name} has {found}")

    def _file(self, node: Node, change: DiskChange) -> None:
        if self.tampering or not change.path.startswith(ROOT):
            return
        file = change.path.removeprefix(ROOT + "/")
        if change.data is None:
            self._nobody_uses(node, file)
        elif not _is_own(file):
            self._somebody_will_remove(node, file)

    def _somebody_will_remove(self, node: Node, file: str) -> None:
        """Finalizer first, file second: of the profile, and of the node's status."""
        namespace, _, name = file.removesuffix(".json").partition("/")
        status = StoreKey(STATUSES, namespace, name_of(SECCOMP_PROFILES.kind, name, namespace, node.name))
        for key, finalizer in (
            (StoreKey(PROFILES, namespace, name), labels.PROFILE_FINALIZER),
            (status, labels.NODE_FINALIZER),
        ):
            record = self._cluster.store.get(key)
            if record is None or finalizer not in record.object()["metadata"].get("finalizers", ()):
                found = "there is none" if record is None else "it is not held"
                raise Violation(f"{node.name}: {file} was written, but of {key.resource} {key.name} {found}")

    def _nobody_uses(self, node: Node, file: str) -> None:
        for pod in self._cluster.context.pods.on(node.name):
            record = self._cluster.store.get(pod.key)
            if record is None or pod.is_finished:
                continue
            use = from_manifest(record.object(), PodUse)
            if f"{LOCALHOST_ROOT}/{file}" in use.localhost_profiles:
                raise Violation(f"{node.name}: {file} was removed while pod {pod.key.namespace}/{pod.key.name} uses it")

    def _request(self, request: Request, user: User, response: Response) -> None:
        if request.method != "GET" and response.status < 300 and user.name == self._manager:
            self._only_the_leader_writes(request, user)
        if not user.name.startswith(self._accounts) or response.status not in REFUSALS:
            return
        text = response.body.decode()
        if response.status in self.allowed_refusals or "being terminated" in text:
            return
        raise Violation(f"{user.name} {REFUSALS[response.status]}: {request.method} {request.path}: {text}")

    def _only_the_leader_writes(self, request: Request, user: User) -> None:
        lease = self._cluster.store.get(StoreKey(LEASES.storage, self._namespace, LOCK))
        holder = lease.object()["spec"].get("holderIdentity") if lease is not None else None
        (pod,) = user.extra.get(POD_NAME, ("",))
        if LEASES.plural not in request.path and pod != holder:
            raise Violation(f"{pod} does not lead ({holder} does), and wrote: {request.method} {request.path}")

    # -- finally -----------------------------------------------------------------------------------------------------

    def finally_(self) -> list[str]:
        """What is wrong with a world at rest; empty if nothing."""
        return [
            *self._held_for_ever(),
            *self._files_without_profile(),
            *self._untrue_statuses(),
            *self._own_pods_without_file(),
        ]

    def _held_for_ever(self) -> Iterator[str]:
        for resource in (PROFILES, STATUSES):
            for obj in _objects(self._cluster.store, resource):
                metadata = obj["metadata"]
                if "deletionTimestamp" in metadata and not self._waits_for_pods(obj):
                    held = metadata.get("finalizers")
                    yield f"{obj['kind']} {metadata['namespace']}/{metadata['name']} is being deleted, held by {held}"

    def _profile(self, namespace: str, name: str) -> Object | None:
        record = self._cluster.store.get(StoreKey(PROFILES, namespace, name))
        return record.object() if record is not None else None

    def _waits_for_pods(self, obj: Object) -> bool:
        name = _profile_name(obj)
        file = f"{obj['metadata']['namespace']}/{name}.json"
        return any(
            file_from_localhost(used) == file
            for pod in _objects(self._cluster.store, PODS.plural)
            for used in from_manifest(pod, PodUse).localhost_profiles
        )

    def _files_without_profile(self) -> Iterator[str]:
        for node in self._cluster.nodes.values():
            if not node.lives or not _has_daemon(self._cluster, node):
                continue
            for path, _ in node.disk.peek_below(ROOT):
                namespace, _, file = path.removeprefix(ROOT + "/").partition("/")
                if _is_own(namespace):
                    continue
                name = file.removesuffix(".json")
                if self._cluster.store.get(StoreKey(PROFILES, namespace, name)) is None:
                    yield f"{node.name}: {path} belongs to no profile"

    def _untrue_statuses(self) -> Iterator[str]:
        for status in _objects(self._cluster.store, STATUSES):
            node, path = self._cluster.nodes.get(status["nodeName"]), _file_of(status)
            if status["status"] == "Installed" and node is not None and path is not None and node.lives:
                form = status["metadata"].get("annotations", {}).get(labels.FORM)
                if _hash(node, path) != form:
                    yield f"{status['metadata']['name']} says Installed, but {node.name} has other bytes at {path}"

    def _own_pods_without_file(self) -> Iterator[str]:
        """Whatever became of the profile of the operator's own pods: each daemon has put it back on its node."""
        for node in self._cluster.nodes.values():
            if not node.lives or not _has_daemon(self._cluster, node):
                continue
            for pod in self._cluster.context.pods.on(node.name):
                record = self._cluster.store.get(pod.key)
                if record is None or pod.key.namespace != self._namespace:
                    continue
                for name in from_manifest(record.object(), PodUse).localhost_profiles:
                    if _hash(node, f"{ROOT.removesuffix(LOCALHOST_ROOT)}{name}") is None:
                        yield f"{node.name}: {name} is not there, without which {pod.key.name} does not start again"


def _is_own(file: str) -> bool:
    """Is it the profile of the operator's own containers? It belongs to no object, and stands above the others."""
    return "/" not in file and file.startswith(f"{labels.APP}-")


def _is_held(status: Object) -> bool:
    return labels.NODE_FINALIZER in status["metadata"].get("finalizers", ())


def _objects(store: Store, resource: str) -> Iterator[Object]:
    return (record.object() for record in store.scan(resource))


def _profile_name(obj: Object) -> str:
    if obj["kind"] == SECCOMP_PROFILES.kind:
        return str(obj["metadata"]["name"])
    owners = obj["metadata"].get("ownerReferences") or [{"name": ""}]
    return str(owners[0]["name"])


def _file_of(status: Object) -> str | None:
    name = _profile_name(status)
    return f"{ROOT}/{status['metadata']['namespace']}/{name}.json" if name else None


def _is_news(store: Store, status: Object) -> bool:
    """Did this very revision say it? (Otherwise something else of the object changed, long after.)"""
    last = store.since(store.revision - 1)[-1]
    if last.before is None:
        return True
    before = last.before.object()
    return bool(before["status"] != status["status"] or _form(before) != _form(status))


def _form(status: Object) -> Any:
    return status["metadata"].get("annotations", {}).get(labels.FORM)


def _hash(node: Node, path: str) -> str | None:
    data = node.disk.peek(path)
    return sha256(data).hexdigest() if data is not None else None


def _has_daemon(cluster: SimulatedCluster, node: Node) -> bool:
    return any(pod.key.name.startswith("spod-") for pod in cluster.context.pods.on(node.name))
