"""The stories on a real cluster, from nothing to nothing: up, deploy, stories, undeploy, down; and how long each took.

    python -m hack.worlds real     two nodes of `hack.cluster`, every story
    python -m hack.worlds kind     a kind cluster, a sample of the stories

A cluster that runs already is used and left as it was found; one that was made here is taken down, whatever happens.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hack import cluster, kind_docker, kindnode
from hack import cluster_node as node
from hack.packages import say

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
OURS = "var/lib/kubelet/seccomp/operator"  # on a node
SAMPLE = "a1 or j1 or j4 or j5"  # of the stories: allow list, files, deletion, pods


class World(NamedTuple):
    """A kind of cluster: how to raise it, and how to look at it."""

    runs: Callable[[], bool]
    up: Callable[[], None]
    down: Callable[[], None]
    environment: Callable[[], Mapping[str, str]]
    files: Callable[[], list[str]]  # what is left of ours on its nodes
    stories: tuple[str, ...]


def files_of_cluster() -> list[str]:
    """Files of ours on the nodes of `hack.cluster`."""
    own = node.STATE.glob("node-*/var-lib-kubelet/seccomp/operator")
    return [str(path) for path in own]


def files_of_kind() -> list[str]:
    """Files of ours on the nodes of kind."""
    nodes = kind_docker.output("kind", "get", "nodes").split()
    return [name for name in nodes if kind_docker.succeeds("docker", "exec", name, "test", "-e", f"/{OURS}")]


WORLDS = {
    "real": World(
        runs=lambda: any(node.servers.alive(name) for name in node.servers.names()),
        up=lambda: cluster.up(2, False),
        down=cluster.down,
        environment=lambda: {"KUBECONFIG": f"{node.STATE}/kubeconfig"},
        files=files_of_cluster,
        stories=(),
    ),
    "kind": World(
        runs=lambda: (kind_docker.STATE / "kubeconfig").exists(),
        up=lambda: kindnode.up(kindnode.CONFIG, False),
        down=kindnode.down,
        environment=kind_docker.exports,
        files=files_of_kind,
        stories=("-k", SAMPLE),
    ),
}


class Durations:
    """What was done, and how long it took."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        say(f"== {name}")
        started, outcome = time.monotonic(), "FAILED"
        try:
            yield
            outcome = ""
        finally:
            self._lines.append(f"{time.monotonic() - started:7.1f} s  {name} {outcome}".rstrip())

    def tell(self) -> None:
        say("\n".join(["", *self._lines]))


def run(world: World, chosen: list[str]) -> None:
    """All of it. Ends with an error if a step failed, or something was left. `chosen`: more options for pytest."""
    durations = Durations()
    was_up = world.runs()
    try:
        if not was_up:
            with durations.step("cluster up"):
                world.up()
        os.environ.update(world.environment())
        with durations.step("make deploy"):
            call(sys.executable, "-m", "hack.deploy")
        try:
            with durations.step("stories"):
                tell_stories(world, chosen)
        finally:
            with durations.step("make undeploy"):
                call(sys.executable, "-m", "spo.cli.main", "uninstall")
            with durations.step("nothing is left"):
                nothing_is_left(world)
    finally:
        if not was_up:
            with durations.step("cluster down"):
                world.down()
        durations.tell()


def tell_stories(world: World, chosen: list[str]) -> None:
    """On the real cluster; and, if it is all of them, the sequence of states must be the simulator's."""
    told = [*(chosen or world.stories)]
    if told:
        call(sys.executable, "-m", "pytest", "scenarios", "--world=real", *told)
        return
    BUILD.mkdir(exist_ok=True)
    real, simulated = str(BUILD / "states-real.json"), str(BUILD / "states-sim.json")
    costs = str(BUILD / "figures-sim.json"), str(BUILD / "figures-real.json")
    call(sys.executable, "-m", "pytest", "scenarios", "--world=real", "--states", real, "--figures", costs[1])
    call(sys.executable, "-m", "pytest", "-q", "scenarios", "--states", simulated, "--figures", costs[0])
    call(sys.executable, "-m", "scenarios.compare", simulated, real)
    call(sys.executable, "-m", "scenarios.figures", *costs)


def nothing_is_left(world: World) -> None:
    """Neither in the API nor on a node."""
    command = [sys.executable, "-m", "spo.cli.main", "uninstall", "--dry-run"]
    plan = subprocess.run(command, check=True, cwd=TOP, capture_output=True, text=True).stdout.strip()
    if plan != "nothing of the operator is here" or world.files():
        raise SystemExit("\n".join(["left behind:", plan, *world.files()]))


def call(*command: str) -> None:
    subprocess.run(command, check=True, cwd=TOP)


def main() -> None:
    names = " or ".join(WORLDS)
    if len(sys.argv) < 2 or sys.argv[1] not in WORLDS:
        raise SystemExit(f"which world: {names}?")
    try:
        run(WORLDS[sys.argv[1]], sys.argv[2:])
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"failed ({error.returncode}): {' '.join(map(str, error.cmd))}") from error


if __name__ == "__main__":
    main()
