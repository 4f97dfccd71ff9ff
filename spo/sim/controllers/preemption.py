"""Whom a more urgent pod may push aside, and on which node. Pure. Source: the scheduler's plug-in DefaultPreemption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from spo.sim.shared.index import PodFacts
from spo.sim.shared.resource_requests import NOTHING, Needs, Usage


def victims(
    needs: Needs,
    pods: Sequence[PodFacts],
    allocatable: Mapping[str, int],
    capacity_pods: int,
    promised: Iterable[Needs] = (),
) -> list[PodFacts] | None:
    """The fewest pods of a node that must go for one with these needs, the least urgent ones; `None`: it is no use.

    `promised`: what room is being made for already. Pods on their way out go in any case.
    """
    lower = [pod for pod in pods if pod.needs.priority < needs.priority]
    usage = Usage()
    for pod in pods:
        if pod.needs.priority >= needs.priority:
            usage.add(pod.needs)
    for each in promised:
        usage.add(each)
    if usage.lacks(needs, allocatable, capacity_pods):
        return None
    going = []
    # The most urgent are put back first; of the same urgency those that are there longest.
    for pod in sorted(lower, key=lambda each: (each.deleting, -each.needs.priority, each.created, each.key)):
        usage.add(pod.needs)
        if usage.lacks(needs, allocatable, capacity_pods):
            usage.remove(pod.needs)
            going.append(pod)
    return going


def best(found: Mapping[str, Sequence[PodFacts]], violations: Callable[[Iterable[PodFacts]], int]) -> str:
    """The node where it costs least: budgets broken, then how urgent the most urgent victim is, their sum, how many."""

    def cost(node: str) -> tuple[int, int, int, int, str]:
        going = found[node]
        priorities = [pod.needs.priority for pod in going]
        return violations(going), max(priorities, default=NOTHING.priority), sum(priorities), len(going), node

    return min(found, key=cost, default="")
