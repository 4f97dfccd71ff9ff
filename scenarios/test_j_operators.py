"""J10. Several operators restart, several replicas run. J11. The operator's namespace is a setting.

That who does not lead writes nothing is checked after every request, in these stories and in all others
(`spo.testbed.invariants`).
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any

import pytest

from scenarios import test_a_allowed_syscalls as a
from scenarios import test_b_base_profiles as b
from scenarios import test_d_e_daemons as d_e
from scenarios import test_j_foundations as j
from scenarios.driver import Driver
from scenarios.manifests import profile
from scenarios.sim_driver import SimDriver
from scenarios.world import Hope, World
from spo.reconcile.leader import DURATION_S, LOCK, RENEW_WITHIN_S
from spo.sim.faults import Fault, Site
from spo.sim.faults.fates import LoseReply, Refuse

TAKES_OVER_S = DURATION_S + 10  # a lease that is not renewed, and what there is to do then
HOUR_S = 3600.0
LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}


def led_by(driver: Driver, *pods: str) -> Hope:
    """One of these holds the lease."""

    def why_not() -> str:
        lease = driver.get("Lease", driver.operator_namespace, LOCK) or {"spec": {}}
        holder = lease["spec"].get("holderIdentity")
        return "" if holder in pods else f"{holder!r} does"

    return Hope(f"{' or '.join(pods)} leads", why_not)


def works(world: World, name: str) -> None:
    """The operator does what it is there for: a profile comes, and goes."""
    world.apply(profile(name))
    world.until(world.installed(name))
    world.delete("SeccompProfile", name)
    world.until(world.gone(name))
    assert world.profile_files(name) == {}


def restart(world: World, driver: SimDriver) -> None:
    """Every manager starts anew."""
    driver.kill("manager")
    world.until(led_by(driver, *driver.managers()))


# -- J10: replicas and restarts --------------------------------------------------------------------------------------


def test_j10_there_are_two_managers_and_one_leads(world: World, driver: Driver) -> None:
    leader, *others = driver.managers()

    assert len(others) == 1
    world.until(led_by(driver, leader))
    works(world, "sleeper")
    world.stays(led_by(driver, leader), for_s=300)


@pytest.mark.parametrize("replicas", [1, 5])
def test_j10_any_number_of_replicas_will_do(world: World, driver: Driver, replicas: int) -> None:
    driver.patch(
        "Deployment", driver.operator_namespace, "security-profiles-operator", {"spec": {"replicas": replicas}}
    )
    assert driver.until(
        lambda: len(driver.list("Pod", driver.operator_namespace)) == replicas + len(driver.nodes()), 60
    )

    works(world, "sleeper")


def test_j10_when_the_leaders_node_dies_another_takes_over(world: World, driver: SimDriver) -> None:
    leader, other = driver.managers()
    world.apply(profile("before"))
    world.until(world.installed("before"))
    pod = driver.get("Pod", driver.operator_namespace, leader)
    assert pod is not None

    driver.cluster.stop_node(pod["spec"]["nodeName"])

    world.until(led_by(driver, other), TAKES_OVER_S)
    world.edit("SeccompProfile", "before", syscalls=profile("before", allow=["futex"])["spec"]["syscalls"])
    driver.until(lambda: False, HOUR_S / 6)
    driver.cluster.start_node(pod["spec"]["nodeName"])
    world.until(world.installed("before"))
    assert world.allowed_by_file("before") == {"futex"}


def test_j10_a_leader_that_leaves_in_order_hands_over_at_once(world: World, driver: Driver) -> None:
    leader, other = driver.managers()

    driver.delete("Pod", driver.operator_namespace, leader)

    world.until(led_by(driver, other), max_s=5)
    works(world, "sleeper")


def test_j10_a_roll_out_of_the_managers_in_the_middle_of_things_changes_nothing(world: World, driver: Driver) -> None:
    world.patch_spod(allowedSyscalls=["nanosleep", "exit_group"])
    world.apply(*(profile(f"p-{number}") for number in range(5)))
    annotation = {"spec": {"template": {"metadata": {"annotations": {"restarted": "now"}}}}}
    driver.patch("Deployment", driver.operator_namespace, "security-profiles-operator", annotation)
    world.patch_spod(allowedSyscalls=["nanosleep", "exit_group", "futex"])

    for number in range(5):
        world.until(world.installed(f"p-{number}"))


# -- J10: a leader that is cut off, a lease that is lost ---------------------------------------------------------------


def test_j10_a_leader_that_is_cut_off_stops_before_another_begins_and_writes_no_more(
    world: World, driver: SimDriver
) -> None:
    leader, other = driver.managers()
    world.apply(profile("before"))
    world.until(world.installed("before"))

    driver.suffer(Fault(Site.API, Refuse(), who=leader))
    world.until(led_by(driver, other), TAKES_OVER_S)
    world.apply(profile("meanwhile"))
    world.until(world.installed("meanwhile"))

    driver.mend()
    world.delete("SeccompProfile", "before")
    world.until(world.gone("before"))
    world.stays(led_by(driver, other), for_s=300)


def test_j10_a_leader_whose_renewals_alone_are_lost_gives_way(world: World, driver: SimDriver) -> None:
    leader, other = driver.managers()
    lease = f"Lease {driver.operator_namespace}/{LOCK}"

    driver.suffer(Fault(Site.API, Refuse(), who=leader, on=lease))
    world.until(led_by(driver, other), TAKES_OVER_S)

    works(world, "sleeper")


def test_j10_a_leader_that_cannot_renew_writes_nothing_from_before_another_may_begin(
    world: World, driver: SimDriver
) -> None:
    leader, other = driver.managers()

    def renewed() -> str:
        lease = driver.get("Lease", driver.operator_namespace, LOCK)
        assert lease is not None
        return str(lease["spec"]["renewTime"])

    before = renewed()
    assert driver.until(lambda: renewed() != before, RENEW_WITHIN_S)
    lease = f"Lease {driver.operator_namespace}/{LOCK}"
    driver.suffer(Fault(Site.API, Refuse(), who=leader, on=lease))
    driver.until(lambda: False, RENEW_WITHIN_S + 1)

    world.apply(profile("sleeper"))

    world.stays(led_by(driver, leader), for_s=DURATION_S - RENEW_WITHIN_S - 2)
    assert "finalizers" not in world.profile("sleeper")["metadata"]
    world.until(led_by(driver, other), TAKES_OVER_S)
    world.until(world.installed("sleeper"))


def test_j10_a_reply_to_a_renewal_that_is_lost_makes_no_second_leader(world: World, driver: SimDriver) -> None:
    leader, _ = driver.managers()
    lease = f"Lease {driver.operator_namespace}/{LOCK}"

    driver.suffer(Fault(Site.API, LoseReply(), on=lease))
    works(world, "sleeper")
    world.stays(led_by(driver, leader), for_s=120)


def test_j10_a_lease_that_somebody_deletes_comes_back(world: World, driver: Driver) -> None:
    both = driver.managers()

    for name in ("first", "second", "third"):
        driver.delete("Lease", driver.operator_namespace, LOCK)
        works(world, name)
        world.until(led_by(driver, *both))


@pytest.mark.parametrize("renewed", ["2099-01-01T00:00:00.000000Z", "1999-01-01T00:00:00.000000Z"])
def test_j10_a_lease_of_one_who_is_gone_is_taken_whatever_time_stands_in_it(
    world: World, driver: Driver, renewed: str
) -> None:
    both = driver.managers()
    spec = {"holderIdentity": "somebody-else", "renewTime": renewed, "leaseDurationSeconds": 3600}
    driver.patch("Lease", driver.operator_namespace, LOCK, {"spec": spec})
    world.apply(profile("sleeper"))

    world.stays(led_by(driver, "somebody-else"), for_s=DURATION_S - 2)
    assert world.get("SeccompProfile", "sleeper") == world.profile("sleeper")
    assert "status" not in world.profile("sleeper"), "nobody leads, so nobody writes"
    world.until(led_by(driver, *both), TAKES_OVER_S)
    world.until(world.installed("sleeper"))


# -- J10: clocks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S, 12.0])
@pytest.mark.parametrize("whose", ["leader", "other", "all"])
def test_j10_clocks_that_are_wrong_make_neither_two_leaders_nor_none(
    world: World, driver: SimDriver, whose: str, ahead_s: float
) -> None:
    leader, other = driver.managers()
    for pod in {"leader": [leader], "other": [other], "all": [leader, other]}[whose]:
        driver.set_clock(pod, ahead_s)
    restart(world, driver)

    works(world, "first")
    led = driver.managers()[0]
    world.stays(led_by(driver, led), for_s=300)
    works(world, "second")


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
def test_j10_a_deletion_ends_in_time_although_the_managers_clocks_are_wrong(
    world: World, driver: SimDriver, ahead_s: float
) -> None:
    for pod in driver.managers():
        driver.set_clock(pod, ahead_s)
    restart(world, driver)
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))

    world.delete("SeccompProfile", "sleeper")
    driver.cluster.stop_node("node-2")
    world.until(world.terminating("sleeper"))
    driver.cluster.remove_node("node-2")

    world.until(world.gone("sleeper"), max_s=120)


def test_j10_daemons_whose_clocks_are_wrong_work_all_the_same(world: World, driver: SimDriver) -> None:
    for number, pod in enumerate(sorted(driver.world.processes)):
        driver.set_clock(pod, (-1) ** number * HOUR_S)
    driver.kill("daemon")
    restart(world, driver)
    world.until(world.spod_runs())

    works(world, "sleeper")
    works(world, "sleeper")


# -- J11 -------------------------------------------------------------------------------------------------------------

OPENSHIFT = "openshift-security-profiles"
CHAPTERS = (a, b, d_e, j)
# What stands in the operator's namespace, spod or profiles, matters to these.
ALWAYS = (
    a.test_a4_a_shorter_list_removes_what_no_longer_complies,
    a.test_a4_with_uninstall_the_object_is_kept_and_marked,
    a.test_a4_the_operators_own_profiles_are_never_removed,
    b.test_b0_a_base_of_the_profiles_own_namespace_comes_before_the_operators,
    b.test_b6_the_resolved_list_and_the_base_are_readable_on_the_object,
)
SAMPLED = 15
GIVEN = {"world", "driver"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A sample of the chapters' stories, by the seed; `--operator-namespace` tells all of them elsewhere."""
    if "story" in metafunc.fixturenames:
        every = [each for chapter in CHAPTERS for name, each in vars(chapter).items() if name.startswith("test_")]
        others = [story for story in every if story not in ALWAYS]
        plain = [story for story in others if inspect.signature(story).parameters.keys() <= GIVEN]
        sample = random.Random(f"J11 {metafunc.config.getoption('--seed')}").sample(plain, SAMPLED)
        metafunc.parametrize("story", [*ALWAYS, *sample], ids=lambda story: story.__name__.removeprefix("test_"))


def test_j11_in_another_namespace_the_same_holds(story: Callable[..., None]) -> None:
    driver = SimDriver(seed=0, operator_namespace=OPENSHIFT)
    given: dict[str, Any] = {"world": World(driver, driver.namespace), "driver": driver}

    story(**{name: given[name] for name in inspect.signature(story).parameters})

    assert not driver.end()
    assert driver.list("Pod", OPENSHIFT)
