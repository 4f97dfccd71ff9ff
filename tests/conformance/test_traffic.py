"""What real clients asked a real server (`golden/traffic`), asked of the simulated cluster: the same answers."""

from __future__ import annotations

import json

import pytest

from spo.model.resource import NAMESPACES
from spo.sim.cluster import SimulatedCluster
from tests.conformance.golden_replay import CRD_FILES, GOLDEN, Player
from tests.conformance.traffic import NAMESPACE, records
from tests.conformance.traffic import Player as Client

# Each in a cluster of its own; recordings that build on each other together.
SESSIONS = [
    ("lightkube",),
    ("pykube-ng",),
    ("kubernetes-python",),
    ("kr8s",),
    ("kubectl-create", "kubectl-apply", "kubectl-apply-server-side"),
]
KNOWN = ("configmaps/kube-root-ca.crt",)  # a real controller manager puts it into every namespace


def a_cluster(made_by_client: bool) -> SimulatedCluster:
    """One node, the CRDs of the recording, and the namespace, unless the client makes it."""
    cluster = SimulatedCluster(nodes=["node-1"])
    player = Player(cluster.api, cluster.timeline)
    for name in CRD_FILES:
        player.install(json.loads((GOLDEN / name).read_text()))
    if not made_by_client:
        cluster.client().create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    cluster.run(5)
    return cluster


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: str(session[0]))
def test_clients_are_told_what_they_were_told(session: tuple[str, ...]) -> None:
    client = Client(a_cluster(made_by_client=session[0] == "kubectl-create"))

    found = [text for name in session for text in client.play(records(name))]

    assert [text for text in found if not any(known in text for known in KNOWN)] == []
