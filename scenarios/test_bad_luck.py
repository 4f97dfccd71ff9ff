"""Bad luck: whatever goes wrong, once it ends the world comes to rest, and looks as it would have without."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from scenarios.manifests import ORDINARY, pod, profile
from scenarios.sim_driver import SimDriver
from scenarios.world import Hope, World
from spo.sim.faults import Rule, Verdict

LONG_S = 3600.0  # a container that crashed often is started again only every five minutes

Deed = Callable[[World, SimDriver], None]

# -- the stories: each leaves something behind that can be compared ---------------------------------------------------


def install(world: World, driver: SimDriver) -> None:
    """Profiles come, one on a base, one is changed, one is told to be wrong."""
    world.apply(profile("plain"), profile("built", allow=ORDINARY, baseProfileName="runc-v1.0.0"))
    world.apply(profile("lost", baseProfileName="nowhere"))
    patiently(world, world.installed("plain"))
    world.edit("SeccompProfile", "plain", syscalls=profile("plain", allow=["futex"])["spec"]["syscalls"])
    patiently(world, world.installed("plain"), world.installed("built"))
    patiently(world, world.rejected("lost", "InvalidSeccompProfile"))


def shorten_the_list(world: World, driver: SimDriver) -> None:
    """One profile goes with the list, one stays, one was never permitted."""
    world.patch_spod(allowedSyscalls=["nanosleep", "exit_group"])
    world.apply(profile("goes", allow=["nanosleep"]), profile("stays", allow=["exit_group"]))
    world.apply(profile("never", allow=["mount"]))
    patiently(world, world.installed("goes"), world.installed("stays"), world.rejected("never"))
    world.patch_spod(allowedSyscalls=["exit_group"])
    patiently(world, world.gone("goes"), world.installed("stays"))


def delete_in_use(world: World, driver: SimDriver) -> None:
    """A profile is deleted under a running pod, which ends a while later; another is used on."""
    world.apply(*(profile(name, allow=ORDINARY, baseProfileName="runc-v1.0.0") for name in ("ends", "used")))
    patiently(world, world.installed("ends"), world.installed("used"))
    world.apply(pod("short", under="operator/default/ends.json", node="node-1"))
    world.apply(pod("long", under="operator/default/used.json", node="node-2"))
    patiently(world, world.running("short"), world.running("long"))
    world.delete("SeccompProfile", "ends")
    world.delete("SeccompProfile", "used")
    patiently(world, world.terminating("ends"), world.on_nodes("ends", "node-1"))
    patiently(world, world.terminating("used"), world.on_nodes("used", "node-2"))
    world.delete("Pod", "short")
    patiently(world, world.gone("ends"))


def change_nodes(world: World, driver: SimDriver) -> None:
    """A node comes, one is lost for good while a profile is being deleted."""
    world.apply(profile("stays"), profile("goes"))
    patiently(world, world.installed("stays"), world.installed("goes"))
    driver.add_node("node-4")
    patiently(world, world.on_nodes("stays", *driver.nodes()))
    driver.cluster.stop_node("node-2")
    world.delete("SeccompProfile", "goes")
    driver.until(lambda: False, 120)
    driver.cluster.remove_node("node-2")
    patiently(world, world.gone("goes"), world.installed("stays"))


STORIES: dict[str, Deed] = {deed.__name__: deed for deed in (install, shorten_the_list, delete_in_use, change_nodes)}

# -- the fault plans: data, by name ----------------------------------------------------------------------------------

DEEDS = ("Create", "Apply", "Patch", "Delete", "WriteFile", "RemoveFile")
PLANS: dict[str, tuple[Rule, ...]] = {
    "refused": (Rule(Verdict.REFUSE, door="cluster", one_in=4),),
    "reply lost": (Rule(Verdict.LOSE_REPLY, door="cluster", one_in=4),),
    "conflict": (Rule(Verdict.CONFLICT, door="cluster", one_in=3),),
    "dies first": tuple(Rule(Verdict.CRASH_BEFORE, what=deed, one_in=9) for deed in DEEDS),
    "dies afterwards": tuple(Rule(Verdict.CRASH_AFTER, what=deed, one_in=9) for deed in DEEDS),
    "dies at any call": (Rule(Verdict.CRASH_BEFORE, one_in=60), Rule(Verdict.CRASH_AFTER, one_in=60)),
    "disk": (Rule(Verdict.REFUSE, door="disk", one_in=3), Rule(Verdict.LOSE_REPLY, door="disk", one_in=3)),
    "dies at the disk": (
        Rule(Verdict.CRASH_BEFORE, door="disk", one_in=4),
        Rule(Verdict.CRASH_AFTER, door="disk", one_in=3),
    ),
    "deaf": (Rule(Verdict.REFUSE, what="List", one_in=2), Rule(Verdict.REFUSE, what="Watch", one_in=2)),
    "everything": (
        Rule(Verdict.CRASH_AFTER, one_in=90),
        Rule(Verdict.CRASH_BEFORE, one_in=90),
        Rule(Verdict.LOSE_REPLY, one_in=8),
        Rule(Verdict.REFUSE, one_in=8),
        Rule(Verdict.CONFLICT, door="cluster", one_in=8),
    ),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "plan" in metafunc.fixturenames:
        metafunc.parametrize("driver", range(1, 1 + metafunc.config.getoption("--seeds")), indirect=True)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("story", STORIES)
def test_under_bad_luck_the_end_is_the_same(world: World, driver: SimDriver, story: str, plan: str) -> None:
    driver.suffer(*PLANS[plan])

    STORIES[story](world, driver)

    assert end_of(world, driver) == end_without_bad_luck(story, world.operator_namespace)


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("role", ["manager", "daemon"])
def test_when_a_role_is_killed_again_and_again_the_end_is_the_same(
    world: World, driver: SimDriver, story: str, role: str
) -> None:
    # Whoever never lives as long as the manager's patience cannot tell a daemon that is lost from one that is late.
    every_s = 60.0 if story == "change_nodes" else 7.0

    def kill() -> None:
        driver.kill(role)
        driver.cluster.timeline.after(every_s, again, idle=True)

    def again() -> None:
        if not driver.mended:
            kill()

    kill()

    STORIES[story](world, driver)

    assert end_of(world, driver) == end_without_bad_luck(story, world.operator_namespace)


# -- inside ----------------------------------------------------------------------------------------------------------


def patiently(world: World, *hopes: Hope) -> None:
    for hope in hopes:
        world.until(hope, LONG_S)


@cache
def end_without_bad_luck(story: str, operator_namespace: str) -> dict[str, Any]:
    driver = SimDriver(seed=0, operator_namespace=operator_namespace)
    world = World(driver, "default")
    STORIES[story](world, driver)
    return end_of(world, driver)


def end_of(world: World, driver: SimDriver) -> dict[str, Any]:
    """Bad luck ends, the world comes to rest: how it stands then, without what differs from run to run anyway."""
    driver.mend()
    world.until(world.spod_runs(), LONG_S)
    driver.rest()
    profiles = {each["metadata"]["name"]: each for each in driver.list("SeccompProfile", world.namespace)}
    statuses = driver.list("SecurityProfileNodeStatus", world.namespace)
    return {
        "profiles": {
            name: (
                each["spec"],
                each["metadata"].get("finalizers"),
                each["metadata"].get("annotations"),
                "deletionTimestamp" in each["metadata"],
                {key: value for key, value in each["status"].items() if key != "conditions"},
                [
                    (said["type"], said["status"], said["reason"], said["message"])
                    for said in each["status"]["conditions"]
                ],
            )
            for name, each in profiles.items()
        },
        "node statuses": sorted(
            (each["nodeName"], each["metadata"]["ownerReferences"][0]["name"], each["status"], *_held(each))
            for each in statuses
        ),
        "files": {node: driver.files(node) for node in driver.nodes()},
        "pods": sorted(each["metadata"]["name"] for each in driver.list("Pod", world.namespace)),
        "daemons": len(driver.list("Pod", world.operator_namespace)),
    }


def _held(status: dict[str, Any]) -> tuple[list[str], str | None]:
    metadata = status["metadata"]
    return metadata.get("finalizers", []), metadata.get("annotations", {}).get("spo.x-k8s.io/form")
