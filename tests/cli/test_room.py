"""The cluster that is asked for has room for its pods, or is refused with how many nodes it takes."""

from __future__ import annotations

from typing import Any

import pytest

from spo.cli.intake import Intake
from spo.cli.manifests import BadInput, Loaded, Source
from spo.cli.room import check_room, nodes_at_least


def loaded(kind: str, name: str, **parts: Any) -> Loaded:
    return Loaded({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **parts}, Source("x", 1, 0, 1))


SMALL = loaded("Node", "small", status={"allocatable": {"pods": "10"}})
ON_SMALL = loaded("Pod", "a", spec={"nodeName": "small"})
ON_UNSEEN = loaded("Pod", "b", spec={"nodeName": "unseen"})
ENDED = loaded("Pod", "c", spec={"nodeName": "small"}, status={"phase": "Succeeded"})


def test_as_many_nodes_as_asked_else_those_of_the_input_else_three() -> None:
    assert nodes_at_least(7, [SMALL]) == 7
    assert nodes_at_least(None, [SMALL]) == nodes_at_least(None, [ON_UNSEEN]) == 0
    assert nodes_at_least(None, [loaded("Pod", "a", spec={})]) == 3


@pytest.mark.parametrize(
    ("present", "nodes", "pods", "operator"),
    [
        ([], 3, 325, True),
        ([], 3, 330, False),
        ([SMALL], 0, 10, False),  # as many as its node says
        ([SMALL, ON_SMALL, ENDED], 0, 9, False),  # what has ended takes no room
        ([SMALL, ON_UNSEEN], 0, 119, False),  # a node that only pods name has the usual room
        ([SMALL], 2, 120, False),  # filled up: the dump's node counts
    ],
)
def test_what_fits_is_let_through_and_not_one_pod_more(
    present: list[Loaded], nodes: int, pods: int, operator: bool
) -> None:
    intake = Intake(present=present)
    check_room(intake, nodes, pods, operator)
    with pytest.raises(BadInput, match="--nodes"):
        check_room(intake, nodes, pods + 1, operator)


def test_the_remedy_is_enough_and_not_more_than_it_takes() -> None:
    with pytest.raises(BadInput, match=r"--nodes 5$"):
        check_room(Intake(), 3, 500)
    check_room(Intake(), 5, 500)
    with pytest.raises(BadInput):
        check_room(Intake(), 4, 500)
