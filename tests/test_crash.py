"""The tests of dying at every step: it kills where it says, tells what differs, and how to see it once more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.crash import Point, Reaper, wanted
from scenarios.ending import differences, ending
from scenarios.manifests import profile
from scenarios.sim_driver import SimDriver
from scenarios.world import World

ROOT = Path(__file__).parent.parent
FORGETFUL = """
from scenarios.sim_driver import SimDriver
from scenarios.manifests import profile
from scenarios.world import World


def test_told(world: World, driver: SimDriver) -> None:
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    if driver.patience_s:  # somebody dies: what an operator would do that does not survive it
        world.delete("SeccompProfile", "sleeper")
        world.until(world.gone("sleeper"))
"""


def told(at: Point | None = None) -> tuple[SimDriver, Reaper]:
    """The shortest story, with a death in it or without."""
    driver = SimDriver(seed=0)
    reaper = Reaper(driver.cluster.faults, at)
    driver.suffered = at is not None
    world = World(driver, "default")
    world.apply(profile("sleeper"))
    world.until(world.installed("sleeper"))
    assert not driver.end()
    return driver, reaper


def test_the_same_story_ends_the_same_whatever_the_seed_named_its_objects() -> None:
    first, _ = told()
    second, _ = told()

    assert differences(ending(first.cluster), ending(second.cluster)) == ""


@pytest.mark.parametrize("role", ["manager", "daemon"])
def test_a_role_dies_once_before_its_nth_intent_and_the_end_is_the_same(role: str) -> None:
    plain, counted = told()
    assert counted.intents[role] > 2 and not counted.died

    killed, reaper = told(Point(role, 2))

    assert reaper.died
    assert reaper.intents[role] > counted.intents[role], "the intent that it died before was asked for again"
    assert differences(ending(plain.cluster), ending(killed.cluster)) == ""


def test_what_differs_is_told_by_its_field() -> None:
    plain, _ = told()
    other, _ = told()
    world = World(other, "default")
    world.edit("SeccompProfile", "sleeper", defaultAction="SCMP_ACT_KILL")
    world.until(world.installed("sleeper"))

    said = differences(ending(plain.cluster), ending(other.cluster))

    sleeper = "seccompprofiles.security-profiles-operator.x-k8s.io default/sleeper"
    assert f'-{sleeper}   "defaultAction": "SCMP_ACT_ERRNO"' in said
    assert f'+{sleeper}   "defaultAction": "SCMP_ACT_KILL"' in said
    assert "-node-1:/var/lib/kubelet/seccomp/operator/default/sleeper.json" in said


@pytest.mark.parametrize("text", ["al", "manager", "manager:0", "webhook:3", "daemon:x"])
def test_a_place_to_die_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not all, sample, or a role and a number"):
        wanted(text)


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs one story of a suite of its own."""
    (tmp_path / "conftest.py").write_text("from scenarios.conftest import *\n")
    (tmp_path / "test_story.py").write_text(FORGETFUL)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )

    return run


def test_a_run_that_ends_differently_fails_and_names_the_command_that_shows_it_again(
    suite: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    ran = suite("--crash", "manager:1")

    assert ran.returncode == 1, ran.stdout
    assert "it ends differently" in ran.stdout
    assert "test_story.py::test_told' --seed 0 --crash manager:1" in ran.stdout
    assert "1 runs of 1 stories with a crash, seed 0: 1 differ" in ran.stdout


def test_without_the_option_nobody_dies(suite: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ran = suite()

    assert ran.returncode == 0, ran.stdout
    assert "with a crash" not in ran.stdout
