"""The world as a story sees it: what a user does there, next to what a user can hope for and look at."""

from __future__ import annotations

from typing import Any

from scenarios.driver import Refused
from scenarios.hopes import Hope, PodHopes, ProfileHopes
from scenarios.manifests import Manifest
from scenarios.operator_hopes import OperatorHopes

PATIENCE_S = 120.0  # as long as anything documented may take


class World(ProfileHopes, PodHopes, OperatorHopes):
    """What a user does here; what one can hope for and look at is inherited. `world.until(world.installed("a"))` lets
    time pass until a hope is true.
    """

    @property
    def own(self) -> World:
        """The same world, seen from the operator's own namespace."""
        return World(self.driver, self.operator_namespace)

    def at(self, namespace: str) -> World:
        """The same world, seen from a namespace that a block of the documentation names."""
        self.driver.visit(namespace)
        return World(self.driver, namespace)

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


__all__ = ["Hope", "Refused", "World"]
