"""What a user can hope for of profiles, and of what runs under them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from scenarios.manifests import Manifest
from scenarios.queries import Queries, allowed_by


class Hope:
    """Something that should become true, in words; `why_not` says how it stands until then."""

    def __init__(self, words: str, why_not: Callable[[], str]) -> None:
        self.words = words
        self.why_not = why_not  # empty: it is true

    def __str__(self) -> str:
        return self.words


class ProfileHopes(Queries):
    """Of profiles, their Events and their files."""

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

    def told(self, name: str, reason: str, kind: str = "SeccompProfile") -> Hope:
        """There is a Kubernetes Event with this reason on the object."""

        def why_not() -> str:
            return "" if self.events(name, reason, kind) else f"told was only {self.events(name, '', kind)}"

        return Hope(f"an Event {reason} on {kind} {name}", why_not)

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

    def on_nodes(self, name: str, *nodes: str) -> Hope:
        """The profile's file stands on exactly these nodes."""

        def why_not() -> str:
            found = [node for node in self.driver.nodes() if self.file(name) in self.driver.files(node)]
            return "" if found == sorted(nodes) else f"it stands on {found}"

        return Hope(f"the file of {name} stands on {', '.join(nodes) or 'no node'}", why_not)

    def file_is(self, node: str, name: str, wanted: Any) -> Hope:
        """The profile's file on this node has this content."""

        def why_not() -> str:
            found = self.driver.files(node).get(self.file(name))
            return "" if found is not None and json.loads(found) == wanted else f"it is {found!r}"

        return Hope(f"the file of {name} on {node} is as it should be", why_not)

    def observed(self, name: str, condition: str, status: str) -> Hope:
        """A condition of the profile, beside Ready, has this status."""

        def why_not() -> str:
            found = self.condition(self.profile(name), condition).get("status", "not there")
            return "" if found == status else f"it is {found}"

        return Hope(f"condition {condition} of profile {name} is {status}", why_not)

    def lets_through(self, name: str, *syscalls: str) -> Hope:
        """The profile's file, the same on every node, allows exactly these."""

        def why_not() -> str:
            files = list(self.profile_files(name).values())
            found = [sorted(allowed_by(file)) for file in files]
            good = len(files) == len(self.driver.nodes()) and all(each == sorted(syscalls) for each in found)
            return "" if good else f"on {len(files)} nodes it allows {found}"

        return Hope(f"profile {name} allows {', '.join(syscalls)}", why_not)


class PodHopes(Queries):
    """Of pods, and of what has to do with them."""

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

    def counted(self, quota: str) -> Hope:
        """The quota is in force: the cluster has counted what there is."""

        def why_not() -> str:
            found = self.get("ResourceQuota", quota)
            return "" if found is not None and found.get("status", {}).get("used") else json.dumps(found)

        return Hope(f"quota {quota} is counted", why_not)
