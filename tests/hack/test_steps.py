"""The steps of a run: what is told of them, and that a test which had to run cannot be skipped in silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hack import steps
from hack.steps import Beside, Steps, Told

MADE = """
import pytest

def test_runs(): ...

def test_is_skipped(): pytest.skip("no cluster here")
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "build" / "steps.txt"


@pytest.fixture
def made(tmp_path: Path) -> str:
    file = tmp_path / "test_made.py"
    file.write_text(MADE)
    return str(file)


def test_each_step_is_told_with_its_time_and_what_came_of_it(told: Path) -> None:
    run = Steps(told)
    with run.step("stories") as step:
        step.came_of_it = "3 passed"
    with pytest.raises(SystemExit), run.step("undeploy"):
        raise SystemExit("left behind")
    run.tell()

    first, second = told.read_text().splitlines()
    assert first.endswith(" s  stories: 3 passed")
    assert second.endswith(" s  undeploy FAILED")


def test_a_run_that_goes_on_after_a_step_has_failed_knows_it(told: Path) -> None:
    run = Steps(told)
    with run.step("chart", go_on=True):
        raise SystemExit("no helm")

    assert run.failed == ["chart"]


def test_what_an_earlier_run_told_is_gone_at_once(told: Path) -> None:
    Steps(told).tell()
    assert told.exists()

    Steps(told)

    assert not told.exists()


def test_tests_are_counted(made: str) -> None:
    assert steps.tests("-q", "-p", "no:cacheprovider", made) == Told(1, ["test_is_skipped: no cluster here"])
    assert str(Told(3, [])) == "3 passed"
    assert str(Told(3, ["x: why"])) == "3 passed, 1 skipped"


@pytest.mark.parametrize("chosen", ["made", "skipped"])
def test_where_all_tests_must_run_a_skipped_one_is_an_error_and_named(made: str, chosen: str) -> None:
    with pytest.raises(SystemExit, match="test_is_skipped: no cluster here"):
        steps.all_tests("-q", "-p", "no:cacheprovider", made, "-k", chosen)


def test_and_so_is_a_choice_in_which_there_is_none(made: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        steps.all_tests("-q", "-p", "no:cacheprovider", made, "-k", "nonsense")


def test_what_runs_beside_ends_with_its_error(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "log"
    with (
        Beside(log, sys.executable, "-c", "import sys; sys.exit('no')") as running,
        pytest.raises(subprocess.CalledProcessError),
    ):
        running.wait()

    assert log.read_text() == "no\n"


def test_what_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    with Beside(tmp_path / "log", "sleep", "20") as running:
        process = running._running

    assert process.poll() is not None
