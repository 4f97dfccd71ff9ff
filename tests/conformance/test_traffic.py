"""What real clients asked a real server (`golden/traffic`), asked of the simulated cluster: the same answers."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import Any

import pytest

from spo.model.resource import NAMESPACES
from spo.sim.cluster import SimulatedCluster
from tests.conformance.golden_replay import CRD_FILES, GOLDEN, Player
from tests.conformance.servers import InProcess, OverHttps
from tests.conformance.traffic import NAMESPACE, records
from tests.conformance.traffic import Player as Client

# Each in a cluster of its own; recordings that build on each other together, in the order in which they were made.
KUBECTL = (
    *("create", "apply", "apply-server-side", "get", "get-watch", "describe", "edit-verbs", "wait-rollout"),
    *("discovery", "delete", "delete-namespace"),
)
SESSIONS = [
    ("lightkube",),
    ("pykube-ng",),
    ("kubernetes-python",),
    ("kr8s",),
    tuple(f"kubectl-{name}" for name in KUBECTL),
]

# Answers that differ, and why, by session. Each line must be needed.
KNOWN = {
    "pykube-ng": {r"configmaps/kube-root-ca\.crt": "the certificate of that cluster"},
    "kubectl-create": {
        r"/pods/p/exec\?": "refused by name; the recorded server could not reach its kubelet",
        r"/pods/p/log\?.*: 200 instead of 500": "the recorded server could not reach its kubelet",
        r"/pods/j-\w{5}\?: 404 instead of 200": "the Job's pod has another name here",
        r"/deployments/web\?: /status/": "a roll-out at another moment",
        r"/namespaces/traffic\?: /status/conditions: unexpected": "a deletion at another moment",
        r"/pods/p\?: /status/hostIPs?: unexpected": "the recorded node had no address",
        r"/pods/p\?: /status/.*(resources|volumeMounts|observedGeneration): missing": "our kubelet leaves them out",
        r"/events\?.*name%3Dp%2C.*: /items\[0\]/": "our scheduler writes Events of the older shape",
    },
}


def a_cluster(made_by_client: bool) -> SimulatedCluster:
    """One node, the CRDs of the recording, and the namespace, unless the client makes it."""
    cluster = SimulatedCluster(nodes=["node-1"])
    player = Player(InProcess(cluster.api, cluster.timeline))
    for name in CRD_FILES:
        player.install(json.loads((GOLDEN / name).read_text()))
    if not made_by_client:
        cluster.client().create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    cluster.run(5)
    return cluster


@pytest.mark.parametrize("show", [InProcess, OverHttps])
@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: str(session[0]))
def test_clients_are_told_what_they_were_told(session: tuple[str, ...], show: Any) -> None:
    cluster = a_cluster(made_by_client=session[0] == "kubectl-create")
    with closing(show(cluster.api, cluster.timeline)) as face:
        client = Client(face)

        found = [text for name in session for text in client.play(records(name))]

    known = KNOWN.get(session[0], {})
    assert [text for text in found if not any(re.search(each, text) for each in known)] == []
    assert [each for each in known if not any(re.search(each, text) for text in found)] == []
