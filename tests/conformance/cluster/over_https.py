"""The simulator over HTTPS as one more real API server: `spo/real` is tried on it wherever the tests run."""

from __future__ import annotations

from pathlib import Path

import yaml

from spo.model.resource import CRDS
from spo.sim.cluster import SimulatedCluster
from spo.sim.http.background import BackgroundServer
from tests.conformance.cluster.worlds import CRDS as CRD_FILES
from tests.conformance.cluster.worlds import Real

SETTLED_S = 5.0


class OverHttps(Real):
    """A cluster with its controllers, no nodes, and our CRDs; its time passes as ours does."""

    def __init__(self, scratch: Path) -> None:
        cluster = SimulatedCluster(nodes=0)
        for file in CRD_FILES:
            cluster.client().create(CRDS, yaml.safe_load(file.read_text()))
        cluster.run(SETTLED_S)
        self._running = BackgroundServer(cluster, speed="real")
        super().__init__(scratch, kubeconfig=self._running.write_kubeconfig(scratch / "kubeconfig"))

    def close(self) -> None:
        super().close()
        self._running.close()
