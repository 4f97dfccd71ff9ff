from __future__ import annotations

import pytest

from spo.model.states import overall, ready


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        (["Installed", "Installed"], "Installed"),
        (["Installed", "InProgress"], "InProgress"),
        (["InProgress", "Pending", "Installed"], "Pending"),
        (["Pending", "Terminating"], "Terminating"),
        (["Terminating", "Error"], "Error"),
        ([], "Pending"),
    ],
)
def test_a_profile_is_only_as_well_as_its_least_well_node(states: list[str], worst: str) -> None:
    assert overall(states) == worst


@pytest.mark.parametrize("word", ["", "Sleeping"])
def test_a_state_we_do_not_know_counts_as_an_error(word: str) -> None:
    assert overall(["Installed", word]) == "Error"


def test_only_installed_is_ready() -> None:
    assert ready("Installed") == ("True", "Available")
    assert ready("Terminating") == ("False", "Deleting")
    assert ready("Sleeping") == ("False", "Unavailable")
