"""Making pods in a simulated cluster, and looking at what their status says."""

from __future__ import annotations

from typing import Any

from spo.model.resource import PODS
from spo.sim.cluster import SimulatedCluster


def create(cluster: SimulatedCluster, obj: dict[str, Any], rest: bool = True) -> None:
    cluster.client().create(PODS, obj)
    if rest:
        assert cluster.rest()


def status(cluster: SimulatedCluster, name: str = "p") -> dict[str, Any]:
    found: dict[str, Any] = cluster.client().get(PODS, "default", name)["status"]
    return found


def main(cluster: SimulatedCluster, name: str = "p") -> dict[str, Any]:
    found: dict[str, Any] = status(cluster, name)["containerStatuses"][0]
    return found


def ready(cluster: SimulatedCluster, name: str = "p") -> str:
    return next(each["status"] for each in status(cluster, name)["conditions"] if each["type"] == "Ready")
