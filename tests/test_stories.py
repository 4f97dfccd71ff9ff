"""The stories as a suite: which of them a real cluster need not tell, and when two worlds have told the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from scenarios.compare import differences
from scenarios.not_applicable import NOT_APPLICABLE, is_allowed
from scenarios.states import StateRecorder, read, without_passing, write

SCENARIOS = Path(__file__).parent.parent / "scenarios"
OF_ONE_WORLD = re.compile(r"\bnode-\d|\boperator/default/|\bdefault/")


class Story(NamedTuple):
    """One test function in scenarios/: what it asks for and how it reads."""

    name: str
    needs_simulator: bool
    text: str


def stories() -> list[Story]:
    found = []
    for file in sorted(SCENARIOS.glob("test_*.py")):
        source = file.read_text()
        for part in ast.parse(source).body:
            if isinstance(part, ast.FunctionDef) and part.name.startswith("test_"):
                asked = {ast.unparse(each.annotation) for each in part.args.args if each.annotation is not None}
                text = ast.get_source_segment(source, part) or ""
                needs_simulator = "SimDriver" in asked or "SimDriver(" in text
                found.append(Story(f"{file.name}::{part.name}", needs_simulator, text))
    return found


STORIES = stories()


def test_every_story_on_the_list_exists() -> None:
    assert NOT_APPLICABLE.keys() <= {story.name for story in STORIES}


@pytest.mark.parametrize("story", NOT_APPLICABLE)
def test_a_story_stays_off_a_real_cluster_only_for_what_a_simulator_alone_can_do(story: str) -> None:
    assert is_allowed(NOT_APPLICABLE[story])


@pytest.mark.parametrize(
    "reason", ["it fails there", "slow", "contract line A1", "contract line A1 is marked hard", ""]
)
def test_no_other_reason_is_one(reason: str) -> None:
    assert not is_allowed(reason)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_who_asks_for_the_simulators_driver_is_on_the_list_and_nobody_else(story: Story) -> None:
    assert story.needs_simulator == (story.name in NOT_APPLICABLE)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_for_both_worlds_names_nothing_that_only_one_has(story: Story) -> None:
    if story.name not in NOT_APPLICABLE:
        assert not OF_ONE_WORLD.findall(story.text)


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        (["new", "Pending", "Installed"], ["new", "Installed"]),
        (["new", "Installed", "Pending", "Installed"], ["new", "Installed"]),
        (["new", "Pending"], ["new", "Pending"]),
        (["new", "Error", "Pending", "Installed"], ["new", "Error", "Installed"]),
        (["Installed", "Terminating", "gone", "new", "Installed"], ["Installed", "gone", "new", "Installed"]),
        (["Installed", "Terminating"], ["Installed", "Terminating"]),
        (["Installed", "Terminating", "Error"], ["Installed", "Terminating", "Error"]),
    ],
)
def test_what_may_last_no_time_counts_only_where_a_story_ends_with_it(seen: list[str], left: list[str]) -> None:
    assert without_passing(seen) == left


def test_a_recorder_keeps_changes_of_state_by_profile() -> None:
    recorder = StateRecorder()
    metadata = {"namespace": "here", "name": "p"}
    for status in ({}, {"status": "Pending"}, {"status": "Pending"}, {"status": "Installed"}):
        recorder.seen({"metadata": metadata, "status": status})
    recorder.seen({"metadata": metadata, "status": {"status": "Terminating"}}, deleted=True)
    recorder.seen({"metadata": {**metadata, "namespace": "there"}})

    assert recorder.of("here") == {"p": ["new", "Pending", "Installed", "gone"]}
    assert recorder.of("here", "there") == {"p": ["new", "Pending", "Installed", "gone"], "there/p": ["new"]}
    assert recorder.of("there", "there") == {"there/p": ["new"]}  # whichever of its own the world gave the story


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    told = {"test_a.py::test_one[é]": {"p": ["new", "Installed"], "q": []}, "test_b.py::test_two": {}}

    write(tmp_path / "states" / "sim.json", told)

    assert read(tmp_path / "states" / "sim.json") == told


def test_worlds_differ_in_a_state_a_profile_or_a_story() -> None:
    off_the_list = next(iter(NOT_APPLICABLE))
    same = {"p": ["new", "Installed"]}
    simulated = {"s": same, "t": same, "u": {"p": ["new", "Error"]}, off_the_list: same}

    assert list(differences(simulated, {**simulated, "u": {"p": ["new", "Pending", "Error"]}})) == []
    assert list(differences(simulated, {"s": {**same, "q": ["new"]}, "u": {"p": ["new"]}, "v": same})) == [
        "s: q: simulated there is none, real new",
        "t: told only in the simulated world",
        "u: p: simulated new → Error, real new",
        "v: told only in the real world",
    ]
