"""The law: what a real API server 1.36 answered. A sequence in differences.md must differ, or be struck."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from tests.conformance.golden_compare import Binding, Mismatch
from tests.conformance.golden_replay import WORLDS, differences, play, sequences
from tests.conformance.servers import InProcess, OverHttps

RECORDED = {sequence["id"]: sequence for sequence in sequences(*WORLDS)}
DIFFERENCES = differences()


@pytest.mark.parametrize("show", [InProcess, OverHttps])
@pytest.mark.parametrize("name", RECORDED)
def test_the_api_server_answers_as_recorded(name: str, show: Any) -> None:
    sequence = RECORDED[name]
    with pytest.raises(Mismatch) if name in DIFFERENCES else nullcontext():
        play(sequence, WORLDS[sequence["profile"]], show)


def test_every_known_difference_names_a_sequence_and_says_why() -> None:
    known = {sequence["id"] for sequence in sequences(*WORLDS, "controllers")}

    assert [name for name, why in DIFFERENCES.items() if name not in known or not why.strip()] == []


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([1, 2], [2, 1]),
        ({"a": "$uid:1", "b": "$uid:1"}, {"a": "x", "b": "y"}),
        (1, True),
        ("$rv:1", "abc"),
    ],
)
def test_the_comparison_can_fail(want: Any, got: Any) -> None:
    with pytest.raises(Mismatch):
        Binding().same(want, got)


def test_a_later_revision_must_not_be_a_lower_one() -> None:
    binding = Binding()
    binding.same(["$rv:1", "$rv:2"], ["7", "5"])

    with pytest.raises(Mismatch):
        binding.check_order()
