"""The documentation's task on allowed syscalls as a play: each step of a user, and what comes of it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from functools import partial
from importlib.resources import files

from msgspec import Struct

from spo.input.apply import Applier
from spo.input.load import Loaded, Source
from spo.input.yaml_documents import documents
from spo.model.resource import PODS, SPODS
from spo.report.summary import profiles, summarize
from spo.report.summary_text import summary_text
from spo.report.terminal import Paint, Progress, timeline_text
from spo.report.timeline import lines
from spo.sim.store import StoreKey
from spo.testbed.world import SimulatedWorld, boot

NAMESPACE = "demo"
NODES = 3
PATIENCE_S = 120.0
LIST = '{"allowedSyscalls": ["exit", "exit_group", "futex", "nanosleep"]}'  # the documentation's
EXAMPLES = "examples/restrict-syscalls"


class Stage:
    """The world of the demo, and short words for looking at it."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.namespace: str = world.namespace

    def apply(self, *names: str) -> None:
        """`kubectl apply -f` of files of the examples."""
        applier = Applier(self.world.cluster)
        for name in names:
            text = files("spo").joinpath(f"{EXAMPLES}/{name}").read_text(encoding="utf-8")
            for number, document in enumerate(documents(text), 1):
                applier.apply(Loaded(document.value, Source(name, number, 0, document.line)))

    def patch_spod(self, command: str) -> None:
        """`kubectl -n NAMESPACE patch spod spod --type merge -p PATCH`."""
        words = shlex.split(command)
        namespace, patch = words[words.index("-n") + 1], words[words.index("-p") + 1]
        self.world.you.patch(SPODS, namespace, "spod", json.loads(patch))

    def delete_pod(self, name: str) -> None:
        self.world.you.delete(PODS, NAMESPACE, name)

    def state(self, name: str) -> str:
        """A profile's state; empty if it is gone."""
        found = (
            each for each in profiles(self.world.cluster.store) if (each.namespace, each.name) == (NAMESPACE, name)
        )
        return next((each.state for each in found), "")

    def installed(self, *names: str) -> bool:
        """Are these profiles Installed?"""
        return all(self.state(name) == "Installed" for name in names)

    def files(self, name: str) -> int:
        """On how many nodes the profile's file stands."""
        path = f"/var/lib/kubelet/seccomp/operator/{NAMESPACE}/{name}.json"
        return sum(node.disk.exists(path) for node in self.world.cluster.nodes.values())

    def pod(self, name: str) -> str:
        """The pod's phase, or what its container waits for."""
        record = self.world.cluster.store.get(StoreKey("pods", NAMESPACE, name))
        status = record.object().get("status") or {} if record else {}
        for container in status.get("containerStatuses") or ():
            waiting = container.get("state", {}).get("waiting")
            if waiting:
                return str(waiting.get("reason"))
        return str(status.get("phase", ""))


class Step(Struct, frozen=True):
    """One thing the user does: what for, the command, how it is done here, and when it has come true."""

    title: str
    promise: str
    command: str
    act: Callable[[Stage], None]
    true_when: Callable[[Stage], bool]


def _patch(namespace: str, spec: str) -> str:
    return f"kubectl -n {namespace} patch spod spod --type merge -p '{{\"spec\":{spec}}}'"


def steps(namespace: str) -> tuple[Step, ...]:
    """The story. Promises are numbered as in the documentation of the operator's behaviour."""
    return (
        Step(
            "Three profiles, and a pod that runs under one of them",
            "With no list, any syscall may be allowed (A1); a pod whose profile is installed starts (J5).",
            f"kubectl apply -f {EXAMPLES}/1-profiles.yaml -f {EXAMPLES}/2-web.yaml",
            lambda stage: stage.apply("1-profiles.yaml", "2-web.yaml"),
            lambda stage: stage.installed("sleeper", "mounter", "web") and stage.pod("web") == "Running",
        ),
        Step(
            "Only four syscalls are allowed from now on",
            "What no longer complies goes by itself (A4), but not from under a running pod (A5).",
            shorter := _patch(namespace, LIST),
            lambda stage: stage.patch_spod(shorter),
            lambda stage: (
                stage.state("mounter") == ""
                and stage.files("mounter") == 0
                and stage.installed("sleeper")
                and stage.state("web") == "Terminating"
                and stage.files("web") == 1
            ),
        ),
        Step(
            "A profile that wants more, and a pod that wants the profile",
            "It is rejected by name (A3); the pod does not start, and says why (J5).",
            f"kubectl apply -f {EXAMPLES}/3-worker.yaml",
            lambda stage: stage.apply("3-worker.yaml"),
            lambda stage: (
                stage.state("worker") == "Error"
                and stage.files("worker") == 0
                and stage.pod("worker") == "CreateContainerError"
            ),
        ),
        Step(
            "The last pod under the old profile goes",
            "Then the profile goes from its node, too, and the object ends (A5).",
            f"kubectl -n {NAMESPACE} delete pod web",
            lambda stage: stage.delete_pod("web"),
            lambda stage: stage.state("web") == "" and stage.files("web") == 0,
        ),
        Step(
            "The list is taken away again",
            "What now complies is installed at once (A6), and the waiting pod starts (J5).",
            none := _patch(namespace, '{"allowedSyscalls": null}'),
            lambda stage: stage.patch_spod(none),
            lambda stage: stage.installed("worker") and stage.pod("worker") == "Running",
        ),
    )


def play(seed: int, paint: Paint, progress: Progress) -> int:
    """Play it, and print each step. Gives 0, or 1 if something did not come true."""
    stage = Stage(boot(seed, NODES, progress=progress))
    progress.done()
    world = stage.world

    def show(title: str, promise: str, command: str, since: int) -> None:
        parts = [paint(title, "bold"), *paint.wrapped(promise, 0)]
        parts += [paint(f"$ {command}", "command")] if command else []
        print("\n".join(parts))
        print(timeline_text(lines(world.recorder.facts[since:], world.start_ns), paint), end="\n\n", flush=True)

    show(
        f"A simulated cluster of {NODES} nodes, and the operator in it",
        "No container, no root: the API server, the kubelets and the disks are simulated; the operator is real.",
        "kubectl apply -f deploy/operator.yaml",
        0,
    )
    for number, step in enumerate(steps(stage.namespace), 1):
        since = len(world.recorder.facts)
        step.act(stage)
        came_true = world.cluster.run_until(partial(step.true_when, stage), PATIENCE_S)
        world.cluster.rest(PATIENCE_S)
        show(f"{number}. {step.title}", step.promise, step.command, since)
        if not came_true:
            print(f"spo: this did not come true within {PATIENCE_S:.0f} s: {step.promise}", file=sys.stderr)
            return 1
    _end(world, paint)
    return 0


def _end(world: SimulatedWorld, paint: Paint) -> None:
    store = world.cluster.store
    print(summary_text(summarize(store, world.namespace), paint), end="\n\n")
    print("Now try your own: spo try -f FILE|DIR")
    print(f"history {world.history.digest()}")
