"""The world as a story sees it: things a user does, and things a user can hope for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from scenarios.driver import Driver, Refused
from scenarios.manifests import Manifest

PATIENCE_S = 120.0  # as long as anything documented may take


class Hope:
    """Something that should become true, in words; `why_not` says how it stands until then."""

    def __init__(self, words: str, why_not: Callable[[], str]) -> None:
        self.words = words
        self.why_not = why_not  # empty: it is true

    def __str__(self) -> str:
        return self.words


class World:
    """`namespace` is the story's own. `driver` is the world's; what only a simulated one has is taken from there."""

    def __init__(self, driver: Driver, namespace: str) -> None:
        self.driver = driver
        self.namespace = namespace
        self.operator_namespace = driver.operator_namespace

    def under(self, name: str) -> str:
        """What a pod calls the story's profile of this name."""
        return f"operator/{self.file(name)}"

    @property
    def own(self) -> World:
        """The same world, seen from the operator's own namespace."""
        return World(self.driver, self.operator_namespace)

    def at(self, namespace: str) -> World:
        """The same world, seen from a namespace that a block of the documentation names."""
        self.driver.visit(namespace)
        return World(self.driver, namespace)

    def file(self, name: str) -> str:
        """The profile's file, below the operator's directory on each node."""
        return f"{self.namespace}/{name}.json"

    # -- what a user does --------------------------------------------------------------------------------------------

    def apply(self, *manifests: Manifest) -> None:
        """Create these objects, in the story's namespace if they name none. Raises Refused."""
        for manifest in manifests:
            metadata = {"namespace": self.namespace, **manifest["metadata"]}
            self.driver.create({**manifest, "metadata": metadata})

    def types(self, block: str, given: str = "") -> None:
        """Type a block of the documentation as it stands; `given` is what it reads. Raises Refused."""
        self.driver.types(block, given)

    def edit(self, kind: str, name: str, **spec: Any) -> None:
        """Merge-patch an object's spec."""
        self.driver.patch(kind, self.namespace, name, {"spec": spec})

    def patch_spod(self, **spec: Any) -> None:
        """`kubectl -n $NS patch spod spod --type merge -p '{"spec": …}'`."""
        kind = "SecurityProfilesOperatorDaemon"
        self.driver.patch(kind, self.operator_namespace, "spod", {"spec": spec})

    def create_priority_class(self, name: str, value: int) -> None:
        self.driver.create(
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": name},
                "value": value,
            }
        )

    def delete(self, kind: str, name: str) -> None:
        self.driver.delete(kind, self.namespace, name)

    def until(self, hope: Hope, max_s: float = PATIENCE_S) -> None:
        """Let time pass until it is true; fail with how it stands if it does not become true."""
        max_s += self.driver.patience_s
        if not self.driver.until(lambda: not hope.why_not(), max_s):
            raise AssertionError(f"after {max_s:.0f} s still not: {hope}: {hope.why_not()}")

    def stays(self, hope: Hope, for_s: float) -> None:
        """Let time pass (where it is dear, less of it); fail if it stops to be true."""
        if self.driver.until(lambda: bool(hope.why_not()), min(for_s, self.driver.stays_s_max)):
            raise AssertionError(f"no longer: {hope}: {hope.why_not()}")

    # -- what a user can hope for ------------------------------------------------------------------------------------

    def installed(self, name: str) -> Hope:
        """The profile's status says Installed, for its present generation."""
        return self._profile_is(name, "Installed", "Available")

    def rejected(self, name: str, reason: str = "ProfileNotAllowed") -> Hope:
        return self._profile_is(name, "Error", reason)

    def terminating(self, name: str) -> Hope:
        return self._profile_is(name, "Terminating", "Deleting")

    def _profile_is(self, name: str, state: str, reason: str) -> Hope:
        def why_not() -> str:
            profile = self.get("SeccompProfile", name)
            if profile is None:
                return "there is no such profile"
            status = profile.get("status", {})
            ready = self.condition(profile, "Ready")
            fresh = ready.get("observedGeneration") == profile["metadata"]["generation"]
            if status.get("status") == state and ready.get("reason") == reason and (fresh or state == "Terminating"):
                return ""
            return f"its status is {json.dumps(status)}"

        return Hope(f"profile {name} is {state} ({reason})", why_not)

    def says(self, name: str, word: str) -> Hope:
        """The profile's condition Ready names the word."""

        def why_not() -> str:
            message = self.condition(self.profile(name), "Ready").get("message", "")
            return "" if word in message else f"it says {message!r}"

        return Hope(f"profile {name} names {word!r}", why_not)

    def gone(self, name: str, kind: str = "SeccompProfile") -> Hope:
        def why_not() -> str:
            found = self.get(kind, name)
            return "" if found is None else f"it is there, held by {found['metadata'].get('finalizers')}"

        return Hope(f"{kind} {name} is gone", why_not)

    def gone_or_new(self, old: Manifest, kind: str) -> Hope:
        """The object with this metadata is gone, whether or not there is another of its name."""

        def why_not() -> str:
            found = self.get(kind, old["name"])
            return "it is there" if found is not None and found["metadata"]["uid"] == old["uid"] else ""

        return Hope(f"{kind} {old['name']} as it was is gone", why_not)

    def spod_runs(self, other_than: str = "") -> Hope:
        """There is a spod (not the one with this uid), and its daemons are on every node."""

        def why_not() -> str:
            found = self.driver.get("SecurityProfilesOperatorDaemon", self.operator_namespace, "spod")
            if found is None or found["metadata"]["uid"] == other_than:
                return "there is none"
            status = found.get("status", {})
            return "" if status.get("state") == "RUNNING" else json.dumps(status)

        return Hope("spod is RUNNING", why_not)

    def running(self, pod: str) -> Hope:
        def why_not() -> str:
            found = self.get("Pod", pod)
            status = (found or {}).get("status", {})
            return "" if status.get("phase") == "Running" else json.dumps(status.get("containerStatuses"))

        return Hope(f"pod {pod} runs", why_not)

    def ended(self, pod: str, exit_code: int) -> Hope:
        """The pod's container ended by itself, with this code."""

        def why_not() -> str:
            found = self.get("Pod", pod)
            statuses = (found or {}).get("status", {}).get("containerStatuses", [])
            codes = [each.get("state", {}).get("terminated", {}).get("exitCode") for each in statuses]
            return "" if codes == [exit_code] else json.dumps(statuses)

        return Hope(f"pod {pod} ends with {exit_code}", why_not)

    def all_run(self, deployment: str, replicas: int) -> Hope:
        def why_not() -> str:
            found = self.get("Deployment", deployment)
            status = (found or {}).get("status", {})
            return "" if status.get("readyReplicas") == replicas else json.dumps(status)

        return Hope(f"{replicas} pods of {deployment} run", why_not)

    def waiting(self, pod: str, reason: str) -> Hope:
        """The pod's container waits, for this reason."""

        def why_not() -> str:
            found = self.get("Pod", pod)
            statuses = (found or {}).get("status", {}).get("containerStatuses", [])
            reasons = [each.get("state", {}).get("waiting", {}).get("reason") for each in statuses]
            return "" if reason in reasons else f"its containers wait for {reasons}"

        return Hope(f"pod {pod} waits ({reason})", why_not)

    def on_nodes(self, name: str, *nodes: str) -> Hope:
        """The profile's file stands on exactly these nodes."""

        def why_not() -> str:
            found = sorted(self.profile_files(name))
            return "" if found == sorted(nodes) else f"it stands on {found}"

        return Hope(f"the file of {name} stands on {', '.join(nodes) or 'no node'}", why_not)

    def lets_through(self, name: str, *syscalls: str) -> Hope:
        """The profile's file, the same on every node, allows exactly these."""

        def why_not() -> str:
            files = list(self.profile_files(name).values())
            found = [sorted(_allowed(file)) for file in files]
            good = len(files) == len(self.driver.nodes()) and all(each == sorted(syscalls) for each in found)
            return "" if good else f"on {len(files)} nodes it allows {found}"

        return Hope(f"profile {name} allows {', '.join(syscalls)}", why_not)

    def daemons_ask(self, wanted: Callable[[Manifest], bool]) -> Hope:
        """The daemons' pod spec is as wanted, whether or not it is rolled out."""

        def why_not() -> str:
            found = self.driver.get("DaemonSet", self.operator_namespace, "spod")
            asks = found is not None and wanted(found["spec"]["template"]["spec"])
            return "" if asks else "the daemon set does not ask for it"

        return Hope("the daemons are asked for as wanted", why_not)

    def rolled_out(self, wanted: Callable[[Manifest], bool]) -> Hope:
        """The daemons' pod spec is as wanted, and a daemon of it is ready on every node."""

        def why_not() -> str:
            found = self.driver.get("DaemonSet", self.operator_namespace, "spod")
            if found is None or not wanted(found["spec"]["template"]["spec"]):
                return "the daemon set does not ask for it"
            status, nodes = found.get("status", {}), len(self.driver.nodes())
            fresh = status.get("observedGeneration") == found["metadata"]["generation"]
            ready = status.get("numberReady") == nodes and status.get("updatedNumberScheduled") == nodes
            return "" if fresh and ready else json.dumps(status)

        return Hope("the daemons are rolled out as wanted", why_not)

    def counted(self, quota: str) -> Hope:
        """The quota is in force: the cluster has counted what there is."""

        def why_not() -> str:
            found = self.get("ResourceQuota", quota)
            return "" if found is not None and found.get("status", {}).get("used") else json.dumps(found)

        return Hope(f"quota {quota} is counted", why_not)

    def spod_is_heard(self) -> Hope:
        """What spod says of itself is about its present form."""

        def why_not() -> str:
            spod = self.spod()
            said = [each.get("observedGeneration") for each in spod.get("status", {}).get("conditions", ())]
            return "" if said and set(said) == {spod["metadata"]["generation"]} else json.dumps(spod.get("status"))

        return Hope("the operator has seen spod", why_not)

    def spod_says(self, state: str, word: str) -> Hope:
        """spod is in this state, and its condition Ready names the word."""

        def why_not() -> str:
            spod = self.spod()
            ready = self.condition(spod, "Ready")
            good = spod.get("status", {}).get("state") == state and word in ready.get("message", "")
            return "" if good else json.dumps(spod.get("status"))

        return Hope(f"spod is {state} and names {word!r}", why_not)

    def file_is(self, node: str, name: str, wanted: Any) -> Hope:
        """The profile's file on this node has this content."""

        def why_not() -> str:
            found = self.driver.files(node).get(self.file(name))
            return "" if found is not None and json.loads(found) == wanted else f"it is {found!r}"

        return Hope(f"the file of {name} on {node} is as it should be", why_not)

    def spod_remarks(self, reason: str, word: str = "") -> Hope:
        """spod's condition on its settings has this reason, and names the word."""

        def why_not() -> str:
            found = self.condition(self.spod(), "SettingsInEffect")
            good = found.get("reason") == reason and word in found["message"]
            return "" if good else json.dumps(found)

        return Hope(f"spod remarks {reason} {word}".rstrip(), why_not)

    def told(self, name: str, reason: str, kind: str = "SeccompProfile") -> Hope:
        """There is a Kubernetes Event with this reason on the object."""

        def why_not() -> str:
            return "" if self.events(name, reason, kind) else f"told was only {self.events(name, '', kind)}"

        return Hope(f"an Event {reason} on {kind} {name}", why_not)

    # -- how things stand --------------------------------------------------------------------------------------------

    def get(self, kind: str, name: str) -> Manifest | None:
        return self.driver.get(kind, self.namespace, name)

    def profile(self, name: str) -> Manifest:
        found = self.get("SeccompProfile", name)
        assert found is not None, f"there is no profile {name}"
        return found

    def spod(self) -> Manifest:
        found = self.driver.get("SecurityProfilesOperatorDaemon", self.operator_namespace, "spod")
        assert found is not None, "there is no spod"
        return found

    @staticmethod
    def condition(obj: Manifest, type_: str) -> Manifest:
        conditions = obj.get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == type_), {})

    def node_statuses(self, name: str) -> dict[str, str]:
        """Node → state, of one profile."""
        return {
            status["nodeName"]: status["status"]
            for status in self.driver.list("SecurityProfileNodeStatus", self.namespace)
            if any(owner["name"] == name for owner in status["metadata"].get("ownerReferences", []))
        }

    def events(self, name: str, reason: str = "", kind: str = "SeccompProfile") -> list[str]:
        """The messages of the Events on an object."""
        return [
            event["message"] if reason else f"{event['reason']}: {event['message']}"
            for event in self.driver.list("Event", self.namespace)
            if event["involvedObject"]["kind"] == kind
            and event["involvedObject"]["name"] == name
            and reason in ("", event["reason"])
        ]

    def profile_files(self, name: str) -> dict[str, Any]:
        """Node → the profile's file there, decoded."""
        found = {node: self.driver.files(node).get(self.file(name)) for node in self.driver.nodes()}
        return {node: json.loads(data) for node, data in found.items() if data is not None}

    def allowed_by_file(self, name: str) -> set[str]:
        """The syscalls that the file lets through; the same on every node that has it."""
        files = list(self.profile_files(name).values())
        assert files, f"no node has {name}"
        assert all(file == files[0] for file in files)
        return _allowed(files[0])


def _allowed(file: Manifest) -> set[str]:
    """The syscalls that a profile's file lets through."""
    rules = file.get("syscalls", [])
    return {syscall for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for syscall in rule["names"]}


__all__ = ["Hope", "Refused", "World"]
