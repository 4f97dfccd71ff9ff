"""Whether a kubelet takes a pod that was put on its node. Pure. Source: pkg/kubelet/lifecycle/predicate.go.

Not simulated: amounts of resources; only the scheduler counts them.
"""

from __future__ import annotations

from collections.abc import Iterable

from spo.sim.shared.index import PodFacts
from spo.sim.shared.resource_requests import conflict
from spo.sim.store import StoreKey

PORTS_TAKEN = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"


def refusal(key: StoreKey, pods: Iterable[PodFacts], capacity: int) -> tuple[str, str] | None:
    """Reason and message; `None`: it may run. `pods`: all of the node, the new one included."""
    active = [pod for pod in pods if not pod.is_finished]
    if len(active) > capacity:
        used = len(active) - 1
        text = f"Node didn't have enough resource: pods, requested: 1, used: {used}, capacity: {capacity}"
        return "OutOfpods", text
    mine = next((pod.needs.ports for pod in active if pod.key == key), ())
    taken = (port for pod in active if pod.key != key for port in pod.needs.ports) if mine else ()
    return ("NodePorts", PORTS_TAKEN) if mine and conflict(mine, taken) else None
