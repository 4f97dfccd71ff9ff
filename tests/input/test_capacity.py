"""The cluster that is asked for has room for its pods, or is refused with how many nodes it takes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from spo.input.capacity import NODES_MAX, PODS_MAX, check_room, nodes_at_least, remarks_on_nodes
from spo.input.classify import Intake
from spo.input.load import BadInput, Loaded, Source


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


def maker(kind: str, name: str, **spec: Any) -> Loaded:
    labels = {"app": name}
    return loaded(kind, name, spec={"selector": {"matchLabels": labels}, **spec})


def made(name: str, app: str) -> Loaded:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}}}
    return Loaded({**pod, "spec": {"nodeName": "small"}}, Source("x", 1, 0, 1))


@pytest.mark.parametrize(
    ("maker", "pods"),
    [
        (maker("Deployment", "web", replicas=7), 7),
        (maker("ReplicaSet", "web", replicas=2), 2),
        (maker("Deployment", "web"), 1),
        (maker("Job", "web", parallelism=4), 4),
        (loaded("Job", "web", spec={"parallelism": 4}, status={"completionTime": "2026-01-01T00:00:00Z"}), 0),
        (loaded("Deployment", "web", spec={"replicas": "many"}), 0),  # the API server will refuse it
        (loaded("Service", "web", spec={}), 0),
    ],
)
def test_the_pods_that_controllers_will_make_take_room(maker: Loaded, pods: int) -> None:
    for intake in (Intake(wishes=[maker]), Intake(present=[maker])):
        check_room(intake, 1, 110 - pods, operator=False)
        with pytest.raises(BadInput, match="of the input" if pods else "of --pods"):
            check_room(intake, 1, 111 - pods, operator=False)


def test_what_a_deployment_of_a_dump_has_made_already_is_not_counted_twice() -> None:
    deployment = maker("Deployment", "web", replicas=3)
    owned = loaded("ReplicaSet", "web-1", spec={"replicas": 3})
    owned.object["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web"}]
    intake = Intake(present=[SMALL, deployment, owned, made("web-a", "web"), made("web-b", "web"), made("other", "db")])

    check_room(intake, 0, 6, operator=False)  # 10, with three there and one to come
    with pytest.raises(BadInput):
        check_room(intake, 0, 7, operator=False)


@pytest.mark.parametrize(
    ("nodes", "pods", "says"),
    [
        (NODES_MAX + 90_000, 0, r"--nodes: 100,000 is more than 10,000.* about 16 GiB and 12 minutes.*--nodes 10000"),
        (NODES_MAX, PODS_MAX + 1, r"--pods: 300,001 is more than 300,000.*--pods 300000"),
    ],
)
def test_a_cluster_that_is_too_large_is_refused_with_what_it_would_cost(nodes: int, pods: int, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_room(Intake(), nodes, pods)
    assert re.search(says, str(refused.value).replace("\n", " "))


def test_nodes_that_the_input_has_beyond_those_asked_for_are_named() -> None:
    present = [SMALL, ON_SMALL, ON_UNSEEN]
    assert remarks_on_nodes(2, present) == remarks_on_nodes(None, present) == remarks_on_nodes(3, []) == []
    (remark,) = remarks_on_nodes(1, present)
    assert "has 2 nodes of its own" in remark and "--nodes 1 takes none away" in remark
