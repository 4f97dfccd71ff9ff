"""The steps of an uninstallation, on the API server's side. Each ends, and each can be done again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from spo.installation.live import Live, Object, names, place
from spo.model import kinds, labels
from spo.model.kinds import Removed
from spo.model.resource import (
    CRDS,
    DAEMONSETS,
    DEPLOYMENTS,
    LEASES,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    SPODS,
    Resource,
)
from spo.model.spod import NAME as SPOD
from spo.reconcile.leader import LOCK
from spo.render.install import manifests, namespace_manifest
from spo.render.rbac import MANAGER

ANSWERS_S = 10.0  # a manager without a ready pod for so long is not coming back by itself
OUR_PODS = f"app={labels.APP},name in ({labels.APP},{SPOD})"


class Host(Struct, frozen=True):
    """What the installed operator knows of its nodes, and runs there."""

    image: str
    kubelet_dir: str
    pull_secrets: tuple[Any, ...] = ()


class Removal:
    """The steps in their order are the public methods, from `delete_profiles` on.

    `keep_installation`: what was installed (definitions, rights, Deployment, namespace) is somebody else's to delete.
    """

    def __init__(
        self,
        live: Live,
        namespace: str,
        patience_s: float,
        say: Callable[[str], None],
        *,
        keep_installation: bool = False,
    ) -> None:
        self.live = live
        self.namespace = namespace
        self.patience_s = patience_s
        self._say = say
        self._keep_installation = keep_installation
        self.outcome = (
            "the operator is stopped, and all that it made is gone; its installation is left"
            if keep_installation
            else "the operator is gone; nothing of it is left"
        )

    def plan(self) -> list[str]:
        """What there is to do, in words; nothing if nothing of the operator is here."""
        profiles = [each for _, each in self._ours(Removed.BY_THE_OPERATOR)]
        objects = self._objects()
        lines = (
            [f"delete the profiles {names(profiles)}, and wait for the nodes to remove their files"] if profiles else []
        )
        if self.live.get(DEPLOYMENTS, self.namespace, MANAGER) or self.live.get(DAEMONSETS, self.namespace, SPOD):
            lines.append("stop the manager, delete spod and its daemons")
        others = [each for each in self._ours(Removed.AFTER_THE_OPERATOR) if each[0] != SPODS]
        lines += [f"delete {resource.kind} {names([each])}" for resource, each in others]
        if lines or objects or self._keep_installation:
            lines.append("remove finalizers that are left")
            lines.append("run a pod on every node that removes what is left of the daemon's files")
        return [*lines, *(f"delete {resource.kind} {names([manifest])}" for resource, manifest in objects)]

    def host(self, image: str, *, given: bool) -> Host:
        """What pods of ours need to run on the nodes: as the installed manager has it, else `image`."""
        deployment = self.live.get(DEPLOYMENTS, self.namespace, MANAGER)
        if deployment is None:
            return Host(image, "/var/lib/kubelet")
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        account = self.live.get(SERVICE_ACCOUNTS, self.namespace, MANAGER) or {}  # where the chart puts them
        variables = {each["name"]: each.get("value", "") for each in container.get("env") or ()}
        return Host(
            image if given else container["image"],
            variables.get("KUBELET_DIR") or "/var/lib/kubelet",
            tuple(pod.get("imagePullSecrets") or account.get("imagePullSecrets") or ()),
        )

    # -- while the operator runs ---------------------------------------------------------------------------------

    def delete_profiles(self) -> None:
        """Ask for the end of every profile, and wait while the operator brings it about."""
        profiles = self._ours(Removed.BY_THE_OPERATOR)
        if not profiles:
            return
        self._say(f"deleting {len(profiles)} profiles: {names([each for _, each in profiles])}")
        self._delete(profiles)
        left = self._wait_for_the_operator(len(profiles))
        if left:
            self._say(f"{len(left)} profiles are still there: {_why(left)}; going on without the operator")

    def _wait_for_the_operator(self, count: int) -> list[Object]:
        """Give up when nothing moves for `patience_s`, or when there is no manager that could move it."""
        clock = self.live.clock
        moved = answered = clock.now()
        while left := [each for _, each in self._ours(Removed.BY_THE_OPERATOR)]:
            now = clock.now()
            if len(left) != count:
                count, moved = len(left), now
            deployment = self.live.get(DEPLOYMENTS, self.namespace, MANAGER) or {}
            if deployment.get("status", {}).get("readyReplicas"):
                answered = now
            if now - moved >= self.patience_s or now - answered >= min(ANSWERS_S, self.patience_s):
                return left
            clock.sleep(1.0)
        return []

    # -- without it ----------------------------------------------------------------------------------------------

    def stop_operator(self) -> None:
        """The manager first, or it would bring the daemons back. It is scaled down, not deleted: a run that is cut
        off here must find its image again."""
        if self.live.merge(DEPLOYMENTS, self.namespace, MANAGER, {"spec": {"replicas": 0}}):
            self._say("stopping the manager")
            self._wait_for_pods(f"app={labels.APP},name={labels.APP}")
        self._delete(self._ours(Removed.AFTER_THE_OPERATOR))
        if self.live.delete(DAEMONSETS, self.namespace, SPOD):
            self._say("stopping the daemons")
        self._wait_for_pods(OUR_PODS)

    def _wait_for_pods(self, selector: str) -> None:
        if self.live.until(lambda: not self.live.list(PODS, self.namespace, selector), self.patience_s):
            return
        left = self.live.list(PODS, self.namespace, selector)
        self._say(f"removing pods whose node does not answer: {names(left)}")
        for each in left:
            self.live.delete(PODS, self.namespace, each["metadata"]["name"], at_once=True)

    def release(self) -> None:
        """Let go of what our finalizers still hold: those who would have done it are gone."""
        finalized = [kind for kind in reversed(kinds.OURS) if kind.finalizer]  # what goes with others first
        ours = {kind.finalizer for kind in finalized}
        for resource in (kind.resource for kind in finalized):
            held = [each for each in self.live.list(resource) if ours & set(_finalizers(each))]
            if held:
                self._say(f"removing our finalizer from {len(held)} {resource.plural}: {names(held)}")
            for each in held:
                rest = [name for name in _finalizers(each) if name not in ours]
                metadata = each["metadata"]
                # At this version: a finalizer that somebody else adds meanwhile must not be lost.
                patch = {"metadata": {"finalizers": rest, "resourceVersion": metadata["resourceVersion"]}}
                self.live.merge(resource, metadata["namespace"], metadata["name"], patch)

    def _ours(self, when: Removed) -> list[tuple[Resource, Object]]:
        """The objects of our kinds whose turn is then."""
        found = [kind.resource for kind in kinds.OURS if kind.removed is when]
        return [(resource, each) for resource in found for each in self.live.list(resource)]

    def _delete(self, objects: Iterable[tuple[Resource, Object]]) -> None:
        for resource, each in objects:
            if "deletionTimestamp" not in each["metadata"]:
                self.live.delete(resource, each["metadata"]["namespace"], each["metadata"]["name"])

    def make_namespace(self) -> bool:
        """A namespace for the pods that clean the nodes: ours may have been deleted by hand. False: there is none."""
        found = self.live.get(NAMESPACES, "", self.namespace)
        if found is not None and "deletionTimestamp" in found["metadata"]:
            self.live.until(lambda: self.live.get(NAMESPACES, "", self.namespace) is None, self.patience_s)
            found = self.live.get(NAMESPACES, "", self.namespace)
        if found is None:
            self.live.apply(namespace_manifest(self.namespace))
            # A pod needs it, and it comes a moment after its namespace.
            return self.live.until(
                lambda: bool(self.live.get(SERVICE_ACCOUNTS, self.namespace, "default")), self.patience_s
            )
        if "deletionTimestamp" in found["metadata"]:
            self._say(f"namespace {self.namespace} does not come to its end: the nodes cannot be cleaned from there")
            return False
        return True

    def delete_objects(self) -> list[Object]:
        """All else, and wait until it is gone. Gives what is not, with the reason at `why`."""
        objects = self._objects()
        if objects:
            self._say(f"deleting {len(objects)} objects")
        for resource, manifest in objects:
            metadata = manifest["metadata"]
            self.live.delete(resource, metadata.get("namespace", ""), metadata["name"])
        self.live.until(lambda: not self._objects(), self.patience_s)
        return [{**manifest, "why": self._held_by(resource, manifest)} for resource, manifest in self._objects()]

    def _objects(self) -> list[tuple[Resource, Object]]:
        """What is there of the installation, the last installed first. The definitions go before the rights.

        A namespace that we did not make is somebody's: it stays.
        """
        made = [] if self._keep_installation else manifests(self.namespace)
        installed = [each for each in reversed(made) if (each["apiVersion"], each["kind"]) not in kinds.served()]
        installed.insert(0, self._lease())
        found = []
        for manifest in [*_of(CRDS, installed, True), *_of(CRDS, installed, False)]:
            resource, namespace, name = place(manifest)
            live = self.live.get(resource, namespace, name)
            ours = (live or {}).get("metadata", {}).get("labels", {}).get("app") == labels.APP
            if live is not None and (ours or resource != NAMESPACES):
                found.append((resource, live))
        return found

    def _lease(self) -> Object:
        """The managers': the one thing beside our kinds that they make themselves."""
        metadata = {"name": LOCK, "namespace": self.namespace}
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}

    def _held_by(self, resource: Resource, live: Object) -> str:
        """Why an object does not go."""
        if finalizers := _finalizers(live):
            if resource == CRDS:
                defined = {each.storage: each for each in kinds.resources()}
                instances = self.live.list(defined[live["metadata"]["name"]])
                foreign = sorted({name for each in instances for name in _finalizers(each)})
                if foreign:
                    return f"its objects {names(instances)} have finalizers of others: {', '.join(foreign)}"
            return f"finalizers {', '.join(finalizers)}"
        conditions = live.get("status", {}).get("conditions") or ()
        told = [
            each.get("message", "")
            for each in conditions
            if each.get("status") == "True" and "deletionTimestamp" in live["metadata"]
        ]
        return "; ".join(filter(None, told)) or "it does not say why"


def _finalizers(obj: Object) -> list[str]:
    return list(obj["metadata"].get("finalizers") or ())


def _of(resource: Resource, objects: list[Object], is_of_it: bool) -> list[Object]:
    return [each for each in objects if (each["kind"] == resource.kind) is is_of_it]


def _why(profiles: list[Object]) -> str:
    """What the operator itself said last of profiles that do not go."""
    said = {
        condition.get("message", "")
        for each in profiles
        for condition in each.get("status", {}).get("conditions") or ()
        if condition["type"] == "Ready" and each["status"].get("status") == "Terminating"
    }
    return f"{names(profiles)} ({'; '.join(sorted(filter(None, said))) or 'nobody answers'})"
