"""What an API server has against objects of our kinds: asked of a simulated one, before a real one is."""

from __future__ import annotations

from collections.abc import Iterable

from spo.input.apply import Applier
from spo.input.load import Loaded, Problem
from spo.model.crd import definitions
from spo.model.resource import CRDS
from spo.sim.cluster import SimulatedCluster


def refusals(items: Iterable[Loaded]) -> list[Problem]:
    """Each object that would be refused, with the field and what to do about it. No two of a kind have one name."""
    cluster = SimulatedCluster(nodes=0)
    for definition in definitions():
        cluster.client().create(CRDS, definition)
    applier = Applier(cluster)
    refused = [applier.apply(item) for item in items]
    return [Problem(each.source, each.message, each.remedy, each.object) for each in refused if each]
