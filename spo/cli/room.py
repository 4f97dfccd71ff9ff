"""Is there room for all the pods? Asked before anything is booted: on full nodes the operator never comes up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from spo.cli.intake import Intake
from spo.cli.manifests import BadInput, Loaded, Problem
from spo.cli.options import NODES
from spo.model.resource import NODES as NODE
from spo.model.resource import PODS
from spo.render.install import REPLICAS
from spo.sim.controllers.placement import PODS_PER_NODE, node_facts

ENDED = ("Succeeded", "Failed")


def nodes_at_least(asked: int | None, present: Iterable[Loaded]) -> int:
    """Up to how many nodes the cluster is filled: as asked, else as the input has them, else 3."""
    return asked or (0 if any(item.kind == NODE.kind or _node_of(item) for item in present) else NODES)


def check_room(intake: Intake, nodes: int, pods: int, operator: bool = True) -> None:
    """Refuse more pods than the nodes hold: `pods`, the input's and the operator's. Raises BadInput."""
    capacities = _capacities(intake, nodes)
    own = REPLICAS + len(capacities) if operator else 0  # a daemon on each node
    brought = sum(_takes_room(item) for item in (*intake.present, *intake.wishes))
    short = pods + brought + own - sum(capacities)
    if short <= 0:
        return
    more = -(-short // (PODS_PER_NODE - operator))
    many = "1 node holds" if len(capacities) == 1 else f"{len(capacities):,} nodes hold"
    parts = ((pods, "of --pods"), (brought, "of the input"), (own, "of the operator"))
    wanted = ", ".join(f"{number:,} {whose}" for number, whose in parts if number)
    what = f"{many} {sum(capacities):,} pods; there would be {pods + brought + own:,} ({wanted})"
    raise BadInput(Problem("input", what, f"--nodes {len(capacities) + more}"))


def _capacities(intake: Intake, nodes: int) -> list[int]:
    """How many pods each node holds: those of the input, those that its pods run on, and new ones up to `nodes`."""
    found = {item.name: node_facts(item.object).capacity_pods for item in intake.present if item.kind == NODE.kind}
    found = {name: PODS_PER_NODE for item in intake.present if (name := _node_of(item))} | found
    wished = [node_facts(item.object).capacity_pods for item in intake.wishes if item.kind == NODE.kind]
    return [*found.values(), *wished, *[PODS_PER_NODE] * (nodes - len(found))]


def _takes_room(item: Loaded) -> bool:
    return item.kind == PODS.kind and _part(item, "status").get("phase") not in ENDED


def _node_of(item: Loaded) -> str:
    """The node that a pod runs on; empty for all else."""
    return str(_part(item, "spec").get("nodeName") or "") if item.kind == PODS.kind else ""


def _part(item: Loaded, name: str) -> dict[str, Any]:
    found = item.object.get(name)
    return found if isinstance(found, dict) else {}
