"""J. What the chapter builds on."""

from __future__ import annotations

import pytest

from scenarios.manifests import ORDINARY, deployment, pod, profile
from scenarios.sim_driver import SimDriver
from scenarios.world import World

HELD_BY_THE_MANAGER = ["spo.x-k8s.io/profile"]


def test_j0_a_profile_has_one_finalizer_however_many_nodes_there_are(world: World) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    assert world.profile("sleeper")["metadata"]["finalizers"] == HELD_BY_THE_MANAGER
    for status in world.driver.list("SecurityProfileNodeStatus", world.namespace):
        assert status["metadata"]["finalizers"] == ["spo.x-k8s.io/node"]


def test_j1_installed_means_the_very_bytes_on_every_node(world: World) -> None:
    world.apply(profile("sleeper"))

    world.until(world.installed("sleeper"))

    assert sorted(world.profile_files("sleeper")) == world.driver.nodes()
    assert world.allowed_by_file("sleeper") == {"nanosleep", "exit_group"}
    assert world.node_statuses("sleeper") == dict.fromkeys(world.driver.nodes(), "Installed")
    assert world.profile("sleeper")["status"]["localhostProfile"] == world.under("sleeper")


def test_j1_a_changed_profile_is_installed_again(world: World) -> None:
    world.apply(profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("sleeper"))

    world.edit("SeccompProfile", "sleeper", syscalls=[{"action": "SCMP_ACT_ALLOW", "names": ["futex"]}])

    world.until(world.installed("sleeper"))
    assert world.allowed_by_file("sleeper") == {"futex"}


def test_j1_a_full_disk_is_told_and_the_profile_comes_when_there_is_room(world: World, driver: SimDriver) -> None:
    driver.break_disk("node-2", "ENOSPC")
    world.apply(profile("sleeper"))

    world.until(world.told("sleeper", "CannotSaveSeccompProfile"))
    assert "node-2" in world.events("sleeper", "CannotSaveSeccompProfile")[0]
    assert "no space left" in world.events("sleeper", "CannotSaveSeccompProfile")[0]
    world.until(world.on_nodes("sleeper", "node-1", "node-3"))
    world.until(world.says("sleeper", "waiting for nodes"))
    assert world.profile("sleeper")["status"]["status"] == "Pending"

    driver.mend()
    world.until(world.installed("sleeper"))


def test_j1_a_node_status_that_somebody_deletes_comes_back(world: World) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    gone = world.driver.list("SecurityProfileNodeStatus", world.namespace)[0]["metadata"]

    world.delete("SecurityProfileNodeStatus", gone["name"])
    world.until(world.gone_or_new(gone, "SecurityProfileNodeStatus"))

    everywhere = dict.fromkeys(world.driver.nodes(), "Installed")
    assert world.driver.until(lambda: world.node_statuses("sleeper") == everywhere, 10)
    world.until(world.installed("sleeper"))


@pytest.mark.parametrize("bytes_there", [b"{}", None], ids=["changed", "deleted"])
def test_j2_a_file_that_somebody_touched_is_restored_within_ten_seconds(
    world: World, bytes_there: bytes | None
) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    node, *_ = world.driver.nodes()
    good = world.profile_files("sleeper")[node]

    world.driver.write_file(node, world.file("sleeper"), bytes_there)

    world.until(world.file_is(node, "sleeper", good), max_s=10)


def test_j3_a_new_node_gets_every_profile(world: World, driver: SimDriver) -> None:
    world.apply(profile("sleeper"), profile("quitter", allow=["exit_group"]))
    world.until(world.installed("sleeper"))
    world.until(world.installed("quitter"))

    driver.add_node("node-4")

    world.until(world.on_nodes("sleeper", *driver.nodes()))
    world.until(world.on_nodes("quitter", *driver.nodes()))
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
    node = world.driver.nodes()[-1]
    world.apply(pod("user", under=world.under("app"), node=node))
    world.until(world.running("user"))

    world.delete("SeccompProfile", "app")

    world.until(world.terminating("app"))
    world.until(world.says("app", node))
    world.until(world.told("app", "InUse"))
    assert f"{world.namespace}/user" in world.events("app", "InUse")[0]
    world.until(world.on_nodes("app", node))
    world.stays(world.on_nodes("app", node), for_s=60)
    world.delete("Pod", "user")
    world.until(world.gone("app"))


def test_j4_deletion_ends_although_a_node_is_gone(world: World, driver: SimDriver) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    driver.cluster.stop_node("node-2")
    world.delete("SeccompProfile", "sleeper")
    world.until(world.terminating("sleeper"))
    world.stays(world.terminating("sleeper"), for_s=300)
    driver.cluster.remove_node("node-2")

    world.until(world.gone("sleeper"), max_s=600)


def test_j4_a_node_that_comes_back_clears_away_what_was_deleted_meanwhile(world: World, driver: SimDriver) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    driver.cluster.stop_node("node-2")
    world.delete("SeccompProfile", "sleeper")
    world.until(world.on_nodes("sleeper", "node-2"))
    driver.cluster.start_node("node-2")

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

    world.apply(deployment("web", replicas=5, under=world.under("app")))

    world.until(world.all_run("web", replicas=5))


@pytest.mark.parametrize(("allowed", "exit_code"), [(ORDINARY, 1), ((*ORDINARY, "mkdir"), 0)], ids=["not", "is"])
def test_j5_a_syscall_that_is_not_allowed_is_refused_by_the_kernel(
    world: World, allowed: tuple[str, ...], exit_code: int
) -> None:
    world.apply(profile("app", allow=allowed, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("app"))

    world.apply(pod("maker", under=world.under("app"), command="mkdir /tmp/made", restartPolicy="Never"))

    world.until(world.ended("maker", exit_code))


@pytest.mark.parametrize(("action", "exit_code"), [("SCMP_ACT_KILL_PROCESS", 159), ("SCMP_ACT_LOG", 0)])
def test_j5_what_else_is_to_be_done_with_a_syscall_the_kernel_does(world: World, action: str, exit_code: int) -> None:
    marked = profile("app", allow=ORDINARY, baseProfileName="runc-v1.0.0")
    marked["spec"]["syscalls"].append({"action": action, "names": ["mkdir"]})
    world.apply(marked)
    world.until(world.installed("app"))

    world.apply(pod("maker", under=world.under("app"), command="mkdir /tmp/made", restartPolicy="Never"))

    world.until(world.ended("maker", exit_code))


def test_j5_a_pod_under_a_missing_profile_waits_and_says_for_what(world: World) -> None:
    world.apply(pod("early", under=world.under("late")))

    world.until(world.waiting("early", "CreateContainerError"))
    world.until(world.told("early", "Failed", kind="Pod"))
    assert world.under("late") in world.events("early", "Failed", kind="Pod")[0]

    world.apply(profile("late", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.running("early"))


def test_j5_whoever_dies_the_profile_comes(world: World) -> None:
    world.apply(profile("first"))
    world.driver.kill("manager")
    world.driver.kill("daemon")
    world.apply(profile("second"))

    world.until(world.installed("first"), max_s=300)
    world.until(world.installed("second"), max_s=300)


@pytest.mark.parametrize("role", ["manager", "daemon"])
@pytest.mark.parametrize("later_s", [0.0, 0.05, 0.2])
def test_j5_whoever_dies_at_whatever_moment_nothing_is_lost(world: World, role: str, later_s: float) -> None:
    world.apply(profile("changes", allow=["nanosleep"]), profile("goes"))
    world.until(world.installed("changes"))
    world.until(world.installed("goes"))

    world.apply(profile("comes"))
    world.edit("SeccompProfile", "changes", syscalls=profile("changes", allow=["futex"])["spec"]["syscalls"])
    world.delete("SeccompProfile", "goes")
    world.driver.until(lambda: False, later_s)
    world.driver.kill(role)

    world.until(world.installed("comes"), max_s=300)
    world.until(world.installed("changes"), max_s=300)
    world.until(world.gone("goes"), max_s=300)
    assert world.allowed_by_file("changes") == {"futex"}
    assert world.profile_files("goes") == {}
    assert world.node_statuses("comes") == dict.fromkeys(world.driver.nodes(), "Installed")
