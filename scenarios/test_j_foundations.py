"""J. What the chapter builds on."""

from __future__ import annotations

import json

import pytest

from scenarios.hands import SimHands
from scenarios.manifests import ORDINARY, deployment, pod, profile
from scenarios.world import World

HELD_BY_THE_MANAGER = ["spo.x-k8s.io/profile"]


def test_j0_a_profile_has_one_finalizer_however_many_nodes_there_are(world: World) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    assert world.profile("sleeper")["metadata"]["finalizers"] == HELD_BY_THE_MANAGER
    for status in world.hands.list("SecurityProfileNodeStatus", world.namespace):
        assert status["metadata"]["finalizers"] == ["spo.x-k8s.io/node"]


def test_j1_installed_means_the_very_bytes_on_every_node(world: World) -> None:
    world.apply(profile("sleeper"))

    world.until(world.installed("sleeper"))

    assert sorted(world.profile_files("sleeper")) == world.hands.nodes()
    assert world.allowed_by_file("sleeper") == {"nanosleep", "exit_group"}
    assert world.node_statuses("sleeper") == dict.fromkeys(world.hands.nodes(), "Installed")
    assert world.profile("sleeper")["status"]["localhostProfile"] == "operator/default/sleeper.json"


def test_j1_a_changed_profile_is_installed_again(world: World) -> None:
    world.apply(profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("sleeper"))

    world.edit("SeccompProfile", "sleeper", syscalls=[{"action": "SCMP_ACT_ALLOW", "names": ["futex"]}])

    world.until(world.installed("sleeper"))
    assert world.allowed_by_file("sleeper") == {"futex"}


def test_j1_a_full_disk_is_told_and_the_profile_comes_when_there_is_room(world: World, hands: SimHands) -> None:
    hands.break_disk("node-2", "ENOSPC")
    world.apply(profile("sleeper"))

    world.until(world.told("sleeper", "CannotSaveSeccompProfile"))
    assert "node-2" in world.events("sleeper", "CannotSaveSeccompProfile")[0]
    assert "no space left" in world.events("sleeper", "CannotSaveSeccompProfile")[0]
    world.until(world.on_nodes("sleeper", "node-1", "node-3"))
    assert world.profile("sleeper")["status"]["status"] == "Pending"

    hands.mend()
    world.until(world.installed("sleeper"))


def test_j1_a_node_status_that_somebody_deletes_comes_back(world: World) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    gone = world.hands.list("SecurityProfileNodeStatus", world.namespace)[0]["metadata"]

    world.delete("SecurityProfileNodeStatus", gone["name"])
    world.until(world.gone_or_new(gone, "SecurityProfileNodeStatus"))

    everywhere = dict.fromkeys(world.hands.nodes(), "Installed")
    assert world.hands.until(lambda: world.node_statuses("sleeper") == everywhere, 10)
    world.until(world.installed("sleeper"))


@pytest.mark.parametrize("bytes_there", [b"{}", None], ids=["changed", "deleted"])
def test_j2_a_file_that_somebody_touched_is_restored_within_ten_seconds(
    world: World, bytes_there: bytes | None
) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    good = world.profile_files("sleeper")["node-1"]

    world.hands.write_file("node-2", "default/sleeper.json", bytes_there)

    world.hands.until(lambda: False, 10)
    assert json.loads(world.hands.files("node-2")["default/sleeper.json"]) == good


def test_j3_a_new_node_gets_every_profile(world: World, hands: SimHands) -> None:
    world.apply(profile("sleeper"), profile("quitter", allow=["exit_group"]))
    world.until(world.installed("sleeper"))
    world.until(world.installed("quitter"))

    hands.add_node("node-4")

    world.until(world.on_nodes("sleeper", *hands.nodes()))
    world.until(world.on_nodes("quitter", *hands.nodes()))
    world.until(world.installed("sleeper"))
    assert world.node_statuses("sleeper")["node-4"] == "Installed"


def test_j4_a_deleted_profile_is_removed_everywhere(world: World) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    world.delete("SeccompProfile", "sleeper")

    world.until(world.gone("sleeper"))
    assert world.profile_files("sleeper") == {}
    assert world.node_statuses("sleeper") == {}


def test_j4_deletion_waits_for_pods_that_use_the_profile(world: World) -> None:
    world.apply(profile("app", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("app"))
    world.apply(pod("user", under="operator/default/app.json", node="node-3"))
    world.until(world.running("user"))

    world.delete("SeccompProfile", "app")

    world.until(world.terminating("app"))
    assert "node-3" in world.condition(world.profile("app"), "Ready")["message"]
    assert "default/user" in world.events("app", "InUse")[0]
    world.until(world.on_nodes("app", "node-3"))
    world.stays(world.on_nodes("app", "node-3"), for_s=60)
    world.delete("Pod", "user")
    world.until(world.gone("app"))


def test_j4_deletion_ends_although_a_node_is_gone(world: World, hands: SimHands) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    hands.cluster.stop_node("node-2")
    world.delete("SeccompProfile", "sleeper")
    world.until(world.terminating("sleeper"))
    world.stays(world.terminating("sleeper"), for_s=300)
    hands.cluster.remove_node("node-2")

    world.until(world.gone("sleeper"), max_s=600)


def test_j4_a_node_that_comes_back_clears_away_what_was_deleted_meanwhile(world: World, hands: SimHands) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    hands.cluster.stop_node("node-2")
    world.delete("SeccompProfile", "sleeper")
    world.until(world.on_nodes("sleeper", "node-2"))
    hands.cluster.start_node("node-2")

    world.until(world.gone("sleeper"), max_s=600)
    assert world.profile_files("sleeper") == {}


def test_j4_a_profile_that_is_created_again_is_installed_again(world: World) -> None:
    world.apply(profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("sleeper"))
    world.delete("SeccompProfile", "sleeper")
    world.until(world.gone("sleeper"))

    world.apply(profile("sleeper", allow=["futex"]))

    world.until(world.installed("sleeper"))
    assert world.allowed_by_file("sleeper") == {"futex"}


def test_j5_a_pod_under_an_installed_profile_starts(world: World) -> None:
    world.apply(profile("app", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("app"))

    world.apply(deployment("web", replicas=5, under="operator/default/app.json"))

    world.until(world.all_run("web", replicas=5))


def test_j5_a_pod_under_a_missing_profile_waits_and_says_for_what(world: World) -> None:
    world.apply(pod("early", under="operator/default/late.json"))

    world.until(world.waiting("early", "CreateContainerError"))
    world.until(world.told("early", "Failed", kind="Pod"))
    assert "operator/default/late.json" in world.events("early", "Failed", kind="Pod")[0]

    world.apply(profile("late", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.running("early"))


def test_j5_whoever_dies_the_profile_comes(world: World) -> None:
    world.apply(profile("first"))
    world.hands.kill("manager")
    world.hands.kill("daemon")
    world.apply(profile("second"))

    world.until(world.installed("first"), max_s=300)
    world.until(world.installed("second"), max_s=300)
