"""The stories on a real cluster, from nothing to nothing: up, deploy, stories, undeploy, down; and how long each took.

    python -m hack.worlds real     two nodes of `hack.cluster`: the API server's own tests, and every story
    python -m hack.worlds kind     a kind cluster, a sample of the stories, the operator in another namespace

A cluster that runs already is used and left as it was found; one that was made here is taken down, whatever happens.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from hack import cluster, kind_docker, kindnode
from hack import cluster_node as node
from hack.steps import TOP, Beside, Steps, all_tests, call, tests
from spo.render.install import NAMESPACE

BUILD = TOP / "build"
OURS = "var/lib/kubelet/seccomp/operator"  # on a node
NOTHING = "nothing of the operator is here"  # says `spo uninstall`
# Of the stories: allow list, files, deletion, pods under profiles, our own pods, and one in which processes are killed.
SAMPLE = "a1_ or j1_ or j4_ or (j5_ and (pod_under or own_pods_run or dies_the))"
# What the simulator and the real door are built on: the half of these tests that needs a real API server, and nodes.
KUBECTL = "tests/conformance/kubectl/test_session.py::test_kubectl_says_the_same_again_of_a_real_cluster"
LAW = ("tests/conformance/cluster", "tests/conformance/machine", KUBECTL, "-k", "real")
CHART = "tests/deploy/test_chart.py"


class Target(NamedTuple):
    """A kind of cluster: how to raise it, and how to look at it."""

    runs: Callable[[], bool]
    up: Callable[[], None]
    down: Callable[[], None]
    environment: Callable[[], Mapping[str, str]]
    files: Callable[[], list[str]]  # what is left of ours on its nodes
    sample: tuple[str, ...]  # of the stories; empty: all, and the API server's own tests too
    namespace: str  # the operator's


def files_of_cluster() -> list[str]:
    """Files of ours on the nodes of `hack.cluster`."""
    own = node.STATE.glob("node-*/var-lib-kubelet/seccomp/operator")
    return [str(path) for path in own]


def files_of_kind() -> list[str]:
    """Files of ours on the nodes of kind."""
    nodes = kind_docker.output("kind", "get", "nodes").split()
    return [name for name in nodes if kind_docker.succeeds("docker", "exec", name, "test", "-e", f"/{OURS}")]


WORLDS = {
    "real": Target(
        runs=lambda: any(node.servers.alive(name) for name in node.servers.names()),
        up=lambda: cluster.up(2, False),
        down=cluster.down,
        environment=lambda: {
            "KUBECONFIG": f"{node.STATE}/kubeconfig",
            "KUBEBUILDER_ASSETS": str(node.CACHE),
            "PATH": os.pathsep.join((str(node.CACHE), os.environ["PATH"])),  # its kubectl
        },
        files=files_of_cluster,
        sample=(),
        namespace=NAMESPACE,
    ),
    "kind": Target(
        runs=lambda: (kind_docker.STATE / "kubeconfig").exists(),
        up=lambda: kindnode.up(kindnode.CONFIG, False),
        down=kindnode.down,
        environment=kind_docker.exports,
        files=files_of_kind,
        sample=("-k", SAMPLE),
        namespace="openshift-security-profiles",  # with that, all that is told here holds too (J11)
    ),
}


def run(world: Target, steps: Steps, chosen: list[str]) -> None:
    """All of it. Ends with an error if a step failed, or something was left. `chosen`: more options for pytest."""
    some = [*(chosen or world.sample)]
    with there(world, steps):
        os.environ.update(world.environment())
        if not some:
            try_the_law(world, steps)
        with deployed(world, steps):
            tell_stories(steps, some) if some else tell_all_stories(steps)


@contextmanager
def there(world: Target, steps: Steps) -> Iterator[None]:
    """The cluster, for as long as the body runs, if it was not there before."""
    if world.runs():
        yield
        return
    with steps.step("cluster up"):
        world.up()  # what fails half-way takes itself down
    try:
        yield
    finally:
        with steps.step("cluster down"):
            world.down()


@contextmanager
def deployed(world: Target, steps: Steps) -> Iterator[None]:
    """The operator in it, for as long as the body runs."""
    with steps.step("make deploy"):
        call(sys.executable, "-m", "hack.deploy", "--namespace", world.namespace)
    try:
        yield
    finally:
        with steps.step("make undeploy"):
            call(sys.executable, "-m", "spo.cli.main", "uninstall", "--namespace", world.namespace)
        with steps.step("nothing is left"):
            nothing_is_left(world)


def try_the_law(world: Target, steps: Steps) -> None:
    """What simulator, door and chart are built on, of a real API server; without the operator, who would write too."""
    with steps.step("the chart: helm, and an API server of its own", go_on=True) as step:
        call("hack/helm/helm", "version", "--short")  # builds it, once
        step.came_of_it = str(all_tests(CHART))
    with steps.step("conformance: a real API server, two nodes", go_on=True) as step:
        if plan(world) != NOTHING:
            step.came_of_it = "left out, because the operator runs here"
            return
        with definitions():
            # One after the other: a server keeps the last hundred changes of a kind, and who listens on a bad line must
            # not fall behind what another test writes.
            step.came_of_it = str(all_tests(*LAW, SPO_REAL="1"))


@contextmanager
def definitions() -> Iterator[None]:
    """Our kinds, for as long as the body runs."""
    call("kubectl", "apply", "--server-side", "-f", "deploy/crds")
    try:
        call("kubectl", "wait", "--for=condition=Established", "-f", "deploy/crds", "--timeout=60s")
        yield
    finally:
        call("kubectl", "delete", "-f", "deploy/crds")


def tell_stories(steps: Steps, some: list[str]) -> None:
    with steps.step("stories") as step:
        step.came_of_it = str(tests("scenarios", "--world=real", *some))


def tell_all_stories(steps: Steps) -> None:
    """Every story, and in the simulator too: a story's profiles must go through the same states in both worlds."""
    states = {name: str(BUILD / f"states-{name}.json") for name in ("sim", "real")}
    costs = {name: str(BUILD / f"figures-{name}.json") for name in ("sim", "real")}
    wanted = {name: ("scenarios", "--states", states[name], "--figures", costs[name]) for name in states}
    with Beside(BUILD / "logs/stories-sim.log", sys.executable, "-m", "pytest", "-q", *wanted["sim"]) as simulated:
        with steps.step("stories") as step:
            step.came_of_it = str(tests("--world=real", "--durations=20", *wanted["real"]))
        with steps.step("both worlds went through the same states"):
            simulated.wait()
            call(sys.executable, "-m", "scenarios.compare", states["sim"], states["real"])
    call(sys.executable, "-m", "scenarios.api_cost", costs["sim"], costs["real"])


def plan(world: Target) -> str:
    """What `spo uninstall` would do."""
    command = [sys.executable, "-m", "spo.cli.main", "uninstall", "--dry-run", "--namespace", world.namespace]
    return subprocess.run(command, check=True, cwd=TOP, capture_output=True, text=True).stdout.strip()


def nothing_is_left(world: Target) -> None:
    """Neither in the API nor on a node."""
    if (left := plan(world)) != NOTHING or world.files():
        raise SystemExit("\n".join(["left behind:", left, *world.files()]))


def main() -> None:
    names = " or ".join(WORLDS)
    if len(sys.argv) < 2 or sys.argv[1] not in WORLDS:
        raise SystemExit(f"which world: {names}?")
    steps = Steps(BUILD / f"steps-{sys.argv[1]}.txt")
    try:
        run(WORLDS[sys.argv[1]], steps, sys.argv[2:])
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"failed ({error.returncode}): {' '.join(map(str, error.cmd))}") from error
    finally:
        steps.tell()
    if steps.failed:
        raise SystemExit(f"failed: {', '.join(steps.failed)}")


if __name__ == "__main__":
    main()
