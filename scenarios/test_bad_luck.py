"""Bad luck: whatever goes wrong, once it ends the world comes to rest, and looks as it would have without."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from scenarios.manifests import ORDINARY, pod, profile
from scenarios.sim_driver import SimDriver
from scenarios.world import Hope, World
from spo.sim.faults import Fault, Site
from spo.sim.faults.fates import (
    ApiServerRestarts,
    ArriveTwice,
    ClockSkew,
    Conflict,
    CrashAfter,
    CrashBefore,
    Delay,
    DiskFault,
    LoseReply,
    NodeOff,
    Refuse,
    WatchBreaks,
)

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

PROFILES = "/var/lib/kubelet/seccomp/operator"
NODE_STATUS = "SecurityProfileNodeStatus"
DOORS = (Site.API, Site.DIRECTORY)  # through which the operator acts
DEEDS = (
    *((Site.API, what) for what in ("create", "apply", "patch", "delete")),
    *((Site.DIRECTORY, what) for what in ("write", "remove")),
)
PLANS: dict[str, tuple[Fault, ...]] = {
    "refused": (Fault(Site.API, Refuse(), one_in=4),),
    "reply lost": (Fault(Site.API, LoseReply(), one_in=4),),
    "conflict": (Fault(Site.API, Conflict(), one_in=3),),
    "dies first": tuple(Fault(site, CrashBefore(), what=deed, one_in=9) for site, deed in DEEDS),
    "dies afterwards": tuple(Fault(site, CrashAfter(), what=deed, one_in=9) for site, deed in DEEDS),
    "dies at any call": tuple(Fault(site, fate, one_in=25) for site in DOORS for fate in (CrashBefore(), CrashAfter())),
    "disk": (
        Fault(Site.DIRECTORY, Refuse(), one_in=3),
        Fault(Site.DIRECTORY, LoseReply(), one_in=3),
    ),
    "dies at the disk": (
        Fault(Site.DIRECTORY, CrashBefore(), one_in=4),
        Fault(Site.DIRECTORY, CrashAfter(), one_in=3),
    ),
    # Not to profiles: a daemon acts on those it last heard of.
    "deaf": (
        *(Fault(Site.API, Refuse(), what=what, one_in=2) for what in ("list", "watch")),
        *(Fault(Site.WATCH, WatchBreaks(gone), on=NODE_STATUS, one_in=4) for gone in (False, True)),
    ),
    "watches break": (Fault(Site.WATCH, WatchBreaks(), one_in=5), Fault(Site.WATCH, WatchBreaks(gone=True), one_in=9)),
    "twice": (Fault(Site.API, ArriveTwice(), one_in=3),),
    "late": (
        Fault(Site.API, Delay(4.0), one_in=8),
        # Not of pods: who has not heard of a pod cannot know what it uses. Nor of spod: what a daemon began before it
        # heard of a list ends otherwise than what it never began.
        *(Fault(Site.WATCH, Delay(6.0), on=kind, one_in=5) for kind in ("SeccompProfile", NODE_STATUS)),
        Fault(Site.DIRECTORY, Delay(2.0), one_in=3),
    ),
    "the disk itself": (
        Fault(Site.DISK, DiskFault("ENOSPC"), on=PROFILES, what="write", one_in=3),
        Fault(Site.DISK, DiskFault("EIO", keep_bytes=9), on=PROFILES, what="write", one_in=3),
        Fault(Site.DISK, DiskFault("EROFS"), on=PROFILES, what="remove", one_in=3),
        Fault(Site.DISK, DiskFault("EIO"), on=PROFILES, what="read", one_in=5),
    ),
    "power cuts": tuple(
        Fault(Site.NODE, NodeOff(for_s), who=node, at_s=at_s)
        for node, at_s, for_s in (("node-1", 0.0, 5.0), ("node-3", 4.0, 90.0), ("node-1", 130.0, 60.0))
    ),
    "the API server restarts": tuple(
        Fault(Site.API_SERVER, ApiServerRestarts(), at_s=at_s) for at_s in (0.0, 0.004, 45.0)
    ),
    "clocks leap": (
        Fault(Site.CLOCK, ClockSkew(600.0, for_s=60.0), who="security-profiles-operator", at_s=0.002),
        Fault(Site.CLOCK, ClockSkew(-600.0, for_s=60.0), who="node-1", at_s=0.004),
        Fault(Site.CLOCK, ClockSkew(7.0), who="spod"),
    ),
    "everything": (
        *(Fault(site, fate, one_in=90) for site in DOORS for fate in (CrashAfter(), CrashBefore())),
        *(Fault(site, fate, one_in=8) for site in DOORS for fate in (LoseReply(), Refuse())),
        Fault(Site.API, Conflict(), one_in=8),
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

    assert driver.cluster.faults.strikes, "a plan that strikes nothing tells nothing"
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
