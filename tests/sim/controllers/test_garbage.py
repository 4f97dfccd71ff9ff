"""The garbage collector's decision: what is to become of a dependant."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.resource import CONFIG_MAPS, PODS, Resource
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.garbage import Disposal, decide
from spo.sim.shared.index import Owner, Tie

JOBS = Resource("batch", "v1", "jobs", "Job")
NOTHING, BACKGROUND = Disposal(), Disposal(delete="Background")


@pytest.mark.parametrize(
    ("states", "has_dependants", "verdict"),
    [
        ([], False, NOTHING),
        (["solid"], False, NOTHING),
        (["dangling"], False, BACKGROUND),
        (["dangling", "dangling"], False, BACKGROUND),
        (["solid", "dangling"], False, Disposal(drop=("1",))),
        (["solid", "waiting"], False, Disposal(drop=("1",))),
        (["waiting"], False, BACKGROUND),
        (["waiting"], True, Disposal(delete="Foreground")),
        (["unknown"], False, NOTHING),
        (["unknown", "dangling"], False, NOTHING),
    ],
)
def test_a_dependant_lives_as_long_as_one_owner(states: list[Any], has_dependants: bool, verdict: Disposal) -> None:
    item = Tie("x", tuple(Owner(str(number)) for number in range(len(states))))

    assert decide(item, {str(number): state for number, state in enumerate(states)}, has_dependants) == verdict


def test_a_dependant_that_is_to_leave_orphans_does() -> None:
    item = Tie("x", (Owner("0"),), finalizers=("orphan",))

    assert decide(item, {"0": "dangling"}, False) == Disposal(delete="Orphan")


def config_map(name: str, owner: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "default"}
    if owner is not None:
        found = owner["metadata"]
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": found["name"], "uid": found["uid"]}
        metadata["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


OURS = "metadata.name!=kube-root-ca.crt"


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

    assert client.list(CONFIG_MAPS, "default", fields=OURS) == []


@pytest.mark.parametrize(("policy", "stays"), [("", True), ("Orphan", True), ("Background", False)])
def test_a_job_leaves_its_pods_behind_unless_told_otherwise(policy: str, stays: bool) -> None:
    cluster = SimulatedCluster(nodes=1)
    client = cluster.client()
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "images.test/app:1"}]}}
    client.create(JOBS, {"metadata": {"name": "j", "namespace": "default"}, "spec": {"template": template}})
    cluster.rest()
    path = JOBS.path("default", "j")
    response = client.send("DELETE", path, {"propagationPolicy": policy} if policy else None)
    cluster.rest()

    assert bool(client.list(PODS, "default")) is stays
    assert any("child pods are preserved" in value for _, value in response.headers) is not bool(policy)


def test_a_circle_does_not_wait_for_itself() -> None:
    cluster = SimulatedCluster(nodes=0)
    client = cluster.client()
    made = [client.create(CONFIG_MAPS, config_map(f"c{number}")) for number in range(3)]
    for number in range(3):
        owners = config_map("", made[number - 1])["metadata"]["ownerReferences"]
        client.patch(CONFIG_MAPS, "default", f"c{number}", {"metadata": {"ownerReferences": owners}})
    cluster.rest()
    client.delete(CONFIG_MAPS, "default", "c0", policy="Foreground")
    assert cluster.rest()

    assert client.list(CONFIG_MAPS, "default", fields=OURS) == []


def test_an_owner_that_came_back_under_its_name_is_another() -> None:
    cluster = SimulatedCluster(nodes=0)
    client = cluster.client()
    owner = client.create(CONFIG_MAPS, config_map("o"))
    client.create(CONFIG_MAPS, config_map("d", owner))
    cluster.rest()
    client.delete(CONFIG_MAPS, "default", "o")
    client.create(CONFIG_MAPS, config_map("o"))
    assert cluster.rest()

    assert [each["metadata"]["name"] for each in client.list(CONFIG_MAPS, "default", fields=OURS)] == ["o"]
