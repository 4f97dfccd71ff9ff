"""For pytest: a simulated Kubernetes cluster for the tests of any operator or controller.

    def test_a_deployment_comes_up(spo_cluster):                  # in process: no ports, no threads, no waiting
        spo_cluster.apply("deploy/app.yaml")
        spo_cluster.run(60)                                       # a minute of its time
        assert spo_cluster.client.list(PODS, "default")

    def test_my_operator(spo_kubeconfig):                         # over HTTPS: any client, any language
        subprocess.run(["kubectl", "get", "nodes"], env={**os.environ, "KUBECONFIG": str(spo_kubeconfig)}, check=True)

Both are new for each test. How they are made is said with a marker, the same for both:

    @pytest.mark.spo(nodes=5, seed=7, speed="manual")

`nodes` is a number or names; `speed` (over HTTPS) is `max`, `real` or `manual`: see `spo sim --help`. `spo_served` is
what stands behind `spo_kubeconfig`: `advance(seconds)` lets time pass, `call(act)` does something with its `cluster`.
`inject(*faults)`, of either, lets things go wrong: see `spo.sim.faults`.
Nothing of the simulator is imported before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from spo.sim.client import Client
    from spo.sim.cluster import SimulatedCluster
    from spo.sim.faults import Fault
    from spo.sim.http.background import BackgroundServer

MARKER = "spo(nodes=3, seed=0, speed='max'): how the simulated cluster of this test is made"
BOOT_S = 10.0  # nodes are ready, and namespaces have their ServiceAccount


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


class Cluster:
    """A simulated cluster in this process. Its time stands still but in `run` and `until`."""

    def __init__(self, simulated: SimulatedCluster) -> None:
        self.simulated = simulated  # all of it: nodes with their disks, the store, the timeline, faults
        self.client: Client = simulated.client()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.simulated.run(seconds)

    def until(self, condition: Any, max_s: float = 600.0) -> None:
        """Let time pass until it holds. Fails if it does not in so many simulated seconds."""
        assert self.simulated.run_until(condition, max_s), f"not within {max_s:.0f} simulated seconds"

    def inject(self, *faults: Fault) -> None:
        """From now on this goes wrong, and nothing else; without faults, nothing does. Raises BadPlan."""
        from spo.sim.faults import FaultPlan

        self.simulated.faults.plan = FaultPlan(faults)

    def apply(self, *files: str | Path) -> None:
        """Apply manifests as kubectl does. Fails with the reason if one is refused."""
        from spo.input.apply import Applier
        from spo.input.load import load

        applier = Applier(self.simulated)
        for item in load([str(file) for file in files]):
            refused = applier.apply(item)
            assert refused is None, f"{refused.source}: {refused.object}: {refused.message}"


@pytest.fixture
def spo_cluster(request: pytest.FixtureRequest) -> Cluster:
    """A simulated cluster, in process."""
    return Cluster(_made(_wishes(request)))


@pytest.fixture
def spo_served(request: pytest.FixtureRequest) -> Iterator[BackgroundServer]:
    """A simulated cluster on a free port of this machine, in a thread of its own."""
    from spo.sim.http.background import BackgroundServer

    wishes = _wishes(request)
    with BackgroundServer(_made(wishes), speed=wishes["speed"]) as running:
        yield running


@pytest.fixture
def spo_kubeconfig(spo_served: BackgroundServer, tmp_path: Path) -> Path:
    """The kubeconfig of a simulated cluster that is served over HTTPS."""
    return spo_served.write_kubeconfig(tmp_path / "spo-kubeconfig")


def _wishes(request: pytest.FixtureRequest) -> dict[str, Any]:
    marker = request.node.get_closest_marker("spo")
    wishes = {"nodes": 3, "seed": 0, "speed": "max", **(marker.kwargs if marker else {})}
    if len(wishes) > 3 or (marker and marker.args):
        pytest.fail(f"@pytest.mark.spo takes nodes, seed and speed only: {MARKER}", pytrace=False)
    return wishes


def _made(wishes: dict[str, Any]) -> SimulatedCluster:
    from spo.sim.cluster import SimulatedCluster

    cluster = SimulatedCluster(seed=wishes["seed"], nodes=wishes["nodes"])
    cluster.run(BOOT_S)
    return cluster
