"""How things stand in a story's world: objects, Events, and the files on the nodes."""

from __future__ import annotations

import json
from typing import Any

from scenarios.driver import Driver
from scenarios.manifests import Manifest


class Queries:
    """`namespace` is the story's own. `driver` is the world's; what only a simulated one has is taken from there."""

    def __init__(self, driver: Driver, namespace: str) -> None:
        self.driver = driver
        self.namespace = namespace
        self.operator_namespace = driver.operator_namespace

    def file(self, name: str) -> str:
        """The profile's file, below the operator's directory on each node."""
        return f"{self.namespace}/{name}.json"

    def under(self, name: str) -> str:
        """What a pod calls the story's profile of this name."""
        return f"operator/{self.file(name)}"

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
        return allowed_by(files[0])


def allowed_by(file: Manifest) -> set[str]:
    """The syscalls that a profile's file lets through."""
    rules = file.get("syscalls", [])
    return {syscall for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for syscall in rule["names"]}
