"""Is there room for all the pods? Asked before anything is booted: on full nodes the operator never comes up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spo.input.classify import Intake
from spo.input.load import BadInput, Loaded, Problem
from spo.input.options import NODES
from spo.model.resource import NODES as NODE
from spo.model.resource import PODS
from spo.render.install import REPLICAS
from spo.sim.controllers.placement import node_facts
from spo.sim.shared.resource_requests import PODS_PER_NODE

ENDED = ("Succeeded", "Failed")
# Twice what Kubernetes is made for. What each costs: benchmarks/results/cluster.json.
NODES_MAX, PODS_MAX = 10_000, 300_000
NODE_MIB, NODE_S = 0.16, 0.007
POD_MIB, POD_S = 0.002, 0.0001
# What makes pods: where it says how many, if it does.
REPLICATED = {"Deployment": "replicas", "ReplicaSet": "replicas", "StatefulSet": "replicas", "Job": "parallelism"}


def nodes_at_least(asked: int | None, present: Iterable[Loaded]) -> int:
    """Up to how many nodes the cluster is filled: as asked, else as the input has them, else 3."""
    if asked is not None:
        return asked
    return 0 if any(item.kind == NODE.kind or _node_of(item) for item in present) else NODES


def remarks_on_nodes(asked: int | None, present: Iterable[Loaded]) -> list[str]:
    """What to say if fewer nodes are asked for than the input has."""
    own = len(_present_nodes(present))
    if asked is None or asked >= own:
        return []
    return [f"the input has {own:,} nodes of its own, and --nodes {asked} takes none away: leave them out of the input"]


def check_room(intake: Intake, nodes: int, pods: int, operator: bool = True) -> None:
    """Refuse more pods than the nodes hold: `pods`, the input's and the operator's; and a cluster that is too large to
    simulate. Raises BadInput.
    """
    _check_size("--nodes", nodes, NODES_MAX, nodes, pods)
    _check_size("--pods", pods, PODS_MAX, nodes, pods)
    capacities = _capacities(intake, nodes)
    # A daemon on each node. Where there is no node at all, nobody expects pods to run.
    own = REPLICAS + len(capacities) if operator and capacities else 0
    brought = sum(_takes_room(item) for item in (*intake.present, *intake.wishes)) + _to_come(intake)
    short = pods + brought + own - sum(capacities)
    if short <= 0:
        return
    more = -(-short // (PODS_PER_NODE - operator))
    many = "1 node holds" if len(capacities) == 1 else f"{len(capacities):,} nodes hold"
    parts = ((pods, "of --pods"), (brought, "of the input"), (own, "of the operator"))
    wanted = ", ".join(f"{number:,} {whose}" for number, whose in parts if number)
    what = f"{many} {sum(capacities):,} pods; there would be {pods + brought + own:,} ({wanted})"
    raise BadInput(Problem("input", what, f"--nodes {len(capacities) + more}"))


def _check_size(option: str, asked: int, most: int, nodes: int, pods: int) -> None:
    if asked <= most:
        return
    gib = (nodes * NODE_MIB + pods * POD_MIB) / 1024
    minutes = (nodes * NODE_S + pods * POD_S) / 60
    what = f"{asked:,} is more than {most:,}, the largest cluster that is simulated; its start would take about "
    raise BadInput(Problem(option, f"{what}{gib:,.0f} GiB and {minutes:,.0f} minutes", f"{option} {most}"))


def _present_nodes(present: Iterable[Loaded]) -> dict[str, int]:
    """The nodes of the input, and those that its pods run on, with how many pods each holds."""
    present = [*present]
    named = {name: PODS_PER_NODE for item in present if (name := _node_of(item))}
    return named | {item.name: node_facts(item.object).capacity_pods for item in present if item.kind == NODE.kind}


def _capacities(intake: Intake, nodes: int) -> list[int]:
    """How many pods each node holds: those of the input, those that its pods run on, and new ones up to `nodes`."""
    found = _present_nodes(intake.present)
    wished = [node_facts(item.object).capacity_pods for item in intake.wishes if item.kind == NODE.kind]
    return [*found.values(), *wished, *[PODS_PER_NODE] * (nodes - len(found))]


def _takes_room(item: Loaded) -> bool:
    return item.kind == PODS.kind and _part(item, "status").get("phase") not in ENDED


# -- pods that controllers will make ---------------------------------------------------------------------------------


def _to_come(intake: Intake) -> int:
    """The pods that the input's Deployments and their like still have to make: as many as they ask for, without those
    that are there already.
    """
    there = [item for item in intake.present if _takes_room(item)]
    makers = [item for item in (*intake.present, *intake.wishes) if item.kind in REPLICATED and not _owned(item)]
    return sum(max(0, _wanted(maker) - sum(_is_of(pod, maker) for pod in there)) for maker in makers)


def _wanted(maker: Loaded) -> int:
    number = _part(maker, "spec").get(REPLICATED[maker.kind], 1)
    is_done = maker.kind == "Job" and bool(_part(maker, "status").get("completionTime"))
    return number if isinstance(number, int) and not is_done else 0


def _owned(item: Loaded) -> bool:
    """Another object of the input has it made: a Deployment its ReplicaSet."""
    return bool(item.object["metadata"].get("ownerReferences"))


def _is_of(pod: Loaded, maker: Loaded) -> bool:
    selector = _part(maker, "spec").get("selector")
    wanted = selector.get("matchLabels") if isinstance(selector, Mapping) else None
    labels = pod.object["metadata"].get("labels")
    if pod.namespace != maker.namespace or not isinstance(wanted, Mapping) or not isinstance(labels, Mapping):
        return False
    return bool(wanted) and wanted.items() <= labels.items()


def _node_of(item: Loaded) -> str:
    """The node that a pod runs on; empty for all else."""
    return str(_part(item, "spec").get("nodeName") or "") if item.kind == PODS.kind else ""


def _part(item: Loaded, name: str) -> dict[str, Any]:
    found = item.object.get(name)
    return found if isinstance(found, dict) else {}
