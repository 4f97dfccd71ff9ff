"""Races: somebody else acts between what the operator saw and what it does about it."""

from __future__ import annotations

from scenarios.manifests import ORDINARY, pod, profile
from scenarios.sim_driver import SimDriver
from scenarios.world import World
from spo.sim.faults import Fault, Site
from spo.sim.faults.fates import Refuse

THEIRS = "example.com/theirs"
OURS = "spo.x-k8s.io/profile"
SLEEPER = "SeccompProfile default/sleeper"


def refused(**which: str) -> Fault:
    """None of these requests to the API server arrives."""
    return Fault(Site.API, Refuse(), **which)


def test_j0_a_finalizer_that_somebody_else_adds_at_that_moment_stays(world: World, driver: SimDriver) -> None:
    def add() -> None:
        driver.patch("SeccompProfile", "default", "sleeper", {"metadata": {"finalizers": [THEIRS]}})

    driver.meanwhile("patch", SLEEPER, add)
    world.apply(profile("sleeper"))

    world.until(world.installed("sleeper"))
    assert sorted(world.profile("sleeper")["metadata"]["finalizers"]) == [THEIRS, OURS]


def test_a4_a_profile_that_is_corrected_at_that_moment_is_not_deleted(world: World, driver: SimDriver) -> None:
    corrected: list[str] = []

    def correct() -> None:
        world.edit("SeccompProfile", "sleeper", syscalls=profile("sleeper", allow=["futex"])["spec"]["syscalls"])
        corrected.append("sleeper")

    world.patch_spod(allowedSyscalls=["nanosleep", "futex"])
    world.apply(profile("sleeper", allow=["nanosleep"]))
    world.until(world.installed("sleeper"))

    driver.meanwhile("delete", SLEEPER, correct)
    world.patch_spod(allowedSyscalls=["futex"])

    assert driver.until(lambda: bool(corrected), 30)
    world.until(world.installed("sleeper"))
    assert world.allowed_by_file("sleeper") == {"futex"}
    world.stays(world.installed("sleeper"), for_s=30)


def test_j4_a_daemon_that_does_not_know_the_profiles_yet_removes_nothing(world: World, driver: SimDriver) -> None:
    world.apply(profile("app", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("app"))
    world.apply(pod("user", under="operator/default/app.json", node="node-1"))
    world.until(world.running("user"))
    before = world.profile_files("app")

    driver.suffer(refused(what="list", who="spod-", on="SeccompProfile"))
    driver.kill("daemon")

    world.stays(world.on_nodes("app", *driver.nodes()), for_s=60)
    driver.mend()
    world.until(world.spod_runs())
    assert world.profile_files("app") == before


def test_j4_a_daemon_that_hears_nothing_of_pods_removes_no_file(world: World, driver: SimDriver) -> None:
    world.apply(profile("app", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.until(world.installed("app"))

    driver.suffer(*(refused(what=what, who="spod-", on="Pod") for what in ("list", "watch")))
    driver.until(lambda: False, 400)  # a watch that is open lasts five minutes
    world.apply(pod("user", under="operator/default/app.json", node="node-1"))
    world.until(world.running("user"))
    world.delete("SeccompProfile", "app")

    world.stays(world.on_nodes("app", *driver.nodes()), for_s=60)
    driver.mend()
    world.until(world.terminating("app"))
    world.until(world.on_nodes("app", "node-1"))
    world.delete("Pod", "user")
    world.until(world.gone("app"))


def test_j4_a_profile_goes_although_nobody_knew_of_its_deletion_for_a_while(world: World, driver: SimDriver) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    driver.suffer(refused())
    driver.kill("daemon")
    driver.kill("manager")
    world.delete("SeccompProfile", "sleeper")
    driver.until(lambda: False, 120)
    driver.mend()

    world.until(world.gone("sleeper"), max_s=600)
    assert world.profile_files("sleeper") == {}


def test_j1_nothing_is_written_before_deletion_is_sure_to_come_past_the_manager(
    world: World, driver: SimDriver
) -> None:
    driver.suffer(refused(what="patch", on=SLEEPER))
    world.apply(profile("sleeper"))

    world.stays(world.on_nodes("sleeper"), for_s=60)
    driver.mend()
    world.until(world.installed("sleeper"))


def test_j1_a_profile_that_comes_with_a_new_node_is_installed_when_that_node_has_it(
    world: World, driver: SimDriver
) -> None:
    driver.add_node("node-4")
    assert driver.until(lambda: len(driver.list("Pod", driver.operator_namespace)) == 6, 30), "its daemon is on its way"

    world.apply(profile("sleeper"))

    world.until(world.installed("sleeper"))
    assert sorted(world.profile_files("sleeper")) == driver.nodes()
