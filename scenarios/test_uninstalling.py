"""J9. Uninstalling leaves nothing behind: no file, no finalizer, no object.

In a real cluster `make real` and `make kind` end with it, and look for what was left. That the command may be killed
before any of its requests, or a profile be in use, stands in tests/installation/test_uninstall.py.
"""

from __future__ import annotations

from scenarios.command_line import CommandLine
from scenarios.manifests import profile
from scenarios.sim_driver import SimDriver
from scenarios.world import World
from spo.installation.removal import Removal
from spo.installation.uninstall import uninstall

GLOBAL = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition")
PATIENCE_S = 30.0


def left(driver: SimDriver) -> dict[str, list[str]]:
    """What is still there of the operator, by kind and by node."""
    found = {kind: driver.list(kind, "") for kind in GLOBAL}
    named = {
        kind: [name for each in items if "security-profiles" in (name := each["metadata"]["name"])]
        for kind, items in found.items()
    }
    space = driver.get("Namespace", "", driver.operator_namespace)
    files = {node: sorted(driver.files(node)) for node in driver.nodes()}
    every = {**named, "Namespace": [driver.operator_namespace] if space else [], **files}
    return {what: names for what, names in every.items() if names}


def test_j9_uninstalling_leaves_nothing_behind(world: World, driver: SimDriver) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    assert left(driver).keys() >= {*GLOBAL, "Namespace", *driver.nodes()}

    person = CommandLine(driver.world)
    code = uninstall(
        Removal(person.live, driver.operator_namespace, PATIENCE_S, person.said.append), "", person.said.append
    )

    assert code == 0, person.said
    assert left(driver) == {}
