"""J9. Uninstalling leaves nothing behind: no file, no finalizer, no object.

In a real cluster `make real` and `make kind` end with it, and look for what was left. That the command may be killed
before any of its requests, or a profile be in use, stands in tests/cli/test_uninstall.py.
"""

from __future__ import annotations

from scenarios.desk import Desk
from scenarios.hands import SimHands
from scenarios.manifests import profile
from scenarios.world import World
from spo.cli.removal import Removal
from spo.cli.uninstall import uninstall

GLOBAL = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition")
PATIENCE_S = 30.0


def left(hands: SimHands) -> dict[str, list[str]]:
    """What is still there of the operator, by kind and by node."""
    found = {kind: hands.list(kind, "") for kind in GLOBAL}
    named = {
        kind: [name for each in items if "security-profiles" in (name := each["metadata"]["name"])]
        for kind, items in found.items()
    }
    space = hands.get("Namespace", "", hands.operator_namespace)
    files = {node: sorted(hands.files(node)) for node in hands.nodes()}
    every = {**named, "Namespace": [hands.operator_namespace] if space else [], **files}
    return {what: names for what, names in every.items() if names}


def test_j9_uninstalling_leaves_nothing_behind(world: World, hands: SimHands) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    assert left(hands).keys() >= {*GLOBAL, "Namespace", *hands.nodes()}

    desk = Desk(hands.world)
    code = uninstall(Removal(desk.live, hands.operator_namespace, PATIENCE_S, desk.said.append), "", desk.said.append)

    assert code == 0, desk.said
    assert left(hands) == {}
