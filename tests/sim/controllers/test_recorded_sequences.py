"""The law of namespaces and the garbage collector: what a real controller manager 1.36 did."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.registry import HOUSEKEEPING
from tests.conformance.golden_replay import World, play, sequences
from tests.conformance.servers import InProcess, OverHttps

RECORDED = {sequence["id"]: sequence for sequence in sequences("controllers")}


def housekept_world() -> World:
    cluster = SimulatedCluster(nodes=0, controllers=HOUSEKEEPING, service_account_admission=False)
    return cluster.api, cluster.timeline


@pytest.mark.parametrize("show", [InProcess, OverHttps])
@pytest.mark.parametrize("name", RECORDED)
def test_the_controllers_do_as_recorded(name: str, show: Any) -> None:
    play(RECORDED[name], housekept_world, show)
