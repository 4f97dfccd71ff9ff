"""The garbage collector's decision: what is to become of a dependant."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.resource import Resource
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.garbage import Verdict, decide
from spo.sim.controllers.index import Owner, Tie

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
NOTHING, BACKGROUND = Verdict(), Verdict(delete="Background")


@pytest.mark.parametrize(
    ("states", "has_dependants", "verdict"),
    [
        ([], False, NOTHING),
        (["solid"], False, NOTHING),
        (["dangling"], False, BACKGROUND),
        (["dangling", "dangling"], False, BACKGROUND),
        (["solid", "dangling"], False, Verdict(drop=("1",))),
        (["solid", "waiting"], False, Verdict(drop=("1",))),
        (["waiting"], False, BACKGROUND),
        (["waiting"], True, Verdict(delete="Foreground")),
        (["unknown"], False, NOTHING),
        (["unknown", "dangling"], False, NOTHING),
    ],
)
def test_a_dependant_lives_as_long_as_one_owner(states: list[Any], has_dependants: bool, verdict: Verdict) -> None:
    item = Tie("x", tuple(Owner(str(number)) for number in range(len(states))))

    assert decide(item, {str(number): state for number, state in enumerate(states)}, has_dependants) == verdict


def test_a_dependant_that_is_to_leave_orphans_does() -> None:
    item = Tie("x", (Owner("0"),), finalizers=("orphan",))

    assert decide(item, {"0": "dangling"}, False) == Verdict(delete="Orphan")


def config_map(name: str, owner: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "default"}
    if owner is not None:
        found = owner["metadata"]
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": found["name"], "uid": found["uid"]}
        metadata["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_a_chain_goes_to_its_last_link(policy: str) -> None:
    cluster = SimulatedCluster(nodes=0)
    client = cluster.client()
    made = client.create(CONFIG_MAPS, config_map("c0"))
    for number in range(1, 5):
        made = client.create(CONFIG_MAPS, config_map(f"c{number}", made))
    cluster.rest()
    client.delete(CONFIG_MAPS, "default", "c0", policy=policy)
    assert cluster.rest()

    assert client.list(CONFIG_MAPS, "default") == []


def test_an_owner_that_came_back_under_its_name_is_another() -> None:
    cluster = SimulatedCluster(nodes=0)
    client = cluster.client()
    owner = client.create(CONFIG_MAPS, config_map("o"))
    client.create(CONFIG_MAPS, config_map("d", owner))
    cluster.rest()
    client.delete(CONFIG_MAPS, "default", "o")
    client.create(CONFIG_MAPS, config_map("o"))
    assert cluster.rest()

    assert [each["metadata"]["name"] for each in client.list(CONFIG_MAPS, "default")] == ["o"]
