"""A simulated cluster with the operator in it: the roles wired to its pods, the manifests of deploy/ installed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from spo.doors.process import Process
from spo.input.existing_state import adopt, make_namespace
from spo.input.load import Loaded
from spo.installation import packaged
from spo.model import kinds
from spo.model.resource import CRDS, SPODS, Resource
from spo.render.install import IMAGE, NAMESPACE, manifests
from spo.report.failed import Failed
from spo.report.recorder import Recorder
from spo.report.summary import stuck_pods
from spo.report.timeline import Fact
from spo.sim.api.access.authn import User
from spo.sim.api.builtin import KINDS
from spo.sim.api.http import Request, Response
from spo.sim.api.status import ApiError
from spo.sim.client import Client
from spo.sim.cluster import SimulatedCluster
from spo.sim.history import History
from spo.sim.node.disk import DiskChange
from spo.sim.node.node import Node
from spo.sim.node.program import Launch
from spo.sim.node.seccomp_loading import RUNC
from spo.sim.timeline import SECOND_NS
from spo.testbed.cluster_door import Hearing
from spo.testbed.operator_pods import SimCleanUp, SimLayProfile, SimProcess
from spo.testbed.takeover import Taken, take_over
from spo.testbed.uninstall_in_pod import SimUninstall

BOOT_S_MAX = 300.0
GARBAGE_EVERY = 50_000  # objects more, before anything is searched for garbage
SETTLE_S_MAX = 30.0  # what else is going on in a dumped cluster need not come to an end
SERVED_WITHIN = 100  # tenths of a second
PODS_NAMESPACE = "load"

Object = dict[str, Any]
Progress = Callable[[str], None]


class NotUp(Failed):
    """The operator did not come up in the simulated cluster: no node has room for it, or it is our own bug."""


class SimulatedWorld:
    """A simulated cluster that is listened to: `recorder` for people, `history` for comparing runs.

    `log` has what the operator's processes logged; `cluster.faults` is what goes wrong.
    """

    def __init__(self, seed: int = 0, namespace: str = NAMESPACE, images: Sequence[str] = (), runc: str = RUNC) -> None:
        """`images`: others, beside ours, whose containers run the operator. `runc`: the release that nodes have."""
        self.namespace = namespace
        self.log: list[Object] = []
        self.processes: dict[str, SimProcess] = {}  # the operator's, by pod; of a restarted container: the present one
        hearing = Hearing()

        def program(launch: Launch) -> Process:
            match launch.arguments[0]:
                case "clean-up":
                    return SimCleanUp(launch)
                case "lay-profile":
                    return SimLayProfile(launch)
                case "uninstall":
                    return SimUninstall(launch)
            process = self.processes[launch.pod] = SimProcess(launch, hearing, self.log)
            return process

        programs = dict.fromkeys((IMAGE, *images), program)
        self.cluster = SimulatedCluster(seed=seed, nodes=0, programs=programs, runc=runc)
        self.history = History(self.cluster.timeline)
        self.recorder = Recorder(self.cluster.timeline, self.cluster.store, namespace, self.history)
        self.cluster.api.observers.append(self._observe)
        self.start_ns = self.cluster.timeline.now_ns
        self.you: Client = self.cluster.client()

    def add_node(self, name: str, labels: Mapping[str, str] | None = None) -> Node:
        """A node more, its disk listened to."""
        node = self.cluster.add_node(name, labels=labels)
        self.listen_to(node)
        return node

    def listen_to(self, node: Node) -> None:
        """What changes on its disk goes into recorder and history."""

        def changed(change: DiskChange) -> None:
            self.recorder.file(node.name, change.path, change.data)

        node.disk.subscribe(changed)

    def install(self, wanted: Sequence[Object]) -> None:
        """Create these objects of the operator's installation, as a user with `kubectl apply` does."""
        for obj in wanted:
            for _ in range(SERVED_WITHIN):
                resource = self.cluster.resource(obj["apiVersion"], obj["kind"])
                if resource is not None:
                    break
                self.cluster.run(0.1)  # a new kind is served a moment after its definition
            else:
                raise NotUp(f"{obj['apiVersion']} {obj['kind']} is not served")
            try:
                self.you.create(resource, obj)
            except ApiError as error:
                if error.code != 409:  # the input brought it
                    raise

    def is_up(self) -> bool:
        """Does spod run, on every node it should?"""
        try:
            spod = self.you.get(SPODS, self.namespace, "spod")
        except ApiError:
            return False
        return (spod.get("status") or {}).get("state") == "RUNNING"

    def _observe(self, request: Request, user: User, response: Response) -> None:
        self.recorder.request(request, user.name, response)


def boot(
    seed: int = 0,
    nodes: int = 3,
    pods: int = 0,
    namespace: str = NAMESPACE,
    *,
    present: Sequence[Loaded] = (),
    notes: list[str] | None = None,
    progress: Progress = lambda text: None,
    operator: bool = True,
    start: float = 0.0,
    runc: str = RUNC,
) -> SimulatedWorld:
    """A cluster of so many nodes with the operator at work in it.

    `present` is the state it begins with (of a dump: its nodes count, and are filled up to `nodes`); an operator in it
    is taken over (`spo.testbed.takeover`). `pods` are ordinary pods that run from the start. Without `operator` it is a
    plain cluster. It begins at `start`, in seconds since 1970, if that is later than 2026. `runc` is the release that
    its nodes have. Raises NotUp.
    """
    # A world is one large heap of objects that stay: searched after every 700 new ones, that takes half of the time.
    gc.set_threshold(GARBAGE_EVERY)
    taken = take_over(present, IMAGE) if operator else Taken(present)
    namespace = taken.namespace or namespace
    world = SimulatedWorld(seed, namespace, taken.images, runc)
    world.cluster.timeline.run_until(round(start * SECOND_NS))  # nothing is there yet that could happen
    world.start_ns = world.cluster.timeline.now_ns
    wanted = operator_manifests(namespace) if operator else []
    definitions = [obj for obj in wanted if obj["kind"] == CRDS.kind]
    progress("booting the cluster")
    with world.recorder.muted():
        world.install(definitions)  # first: the present state may have objects of our kinds
        found = adopt(world.cluster, taken.present)
        if notes is not None:
            notes += [*taken.notes, *found]
        for node in world.cluster.nodes.values():
            world.listen_to(node)
        _fill_up(world, nodes, pods)
    if operator:
        _bring_up(world, wanted, taken, progress)
    world.cluster.rest(SETTLE_S_MAX)
    return world


def _bring_up(world: SimulatedWorld, wanted: list[Object], taken: Taken, progress: Progress) -> None:
    """Install the operator, and wait until it is up; without a node it waits itself. Raises NotUp."""
    progress("installing the operator")
    told = f"· {len(wanted)} objects of deploy/ into namespace {world.namespace}"
    world.recorder.tell(Fact(0, "you", "installed the operator", tail=told, tone="you"))
    with world.recorder.muted():
        world.install([obj for obj in wanted if obj["kind"] != CRDS.kind])
        if taken.images:
            world.cluster.resume_programs()
    if world.cluster.nodes and not world.cluster.run_until(world.is_up, BOOT_S_MAX):
        progress("")
        raise NotUp(_why_not_up(world))


def _why_not_up(world: SimulatedWorld) -> str:
    """In a line: the first of the operator's pods that does not run, or else its last words."""
    stuck = (pod for pod in stuck_pods(world.cluster.store) if pod.namespace == world.namespace)
    said = f"its last words: {world.log[-1:]}"
    why = next((f"pod {pod.namespace}/{pod.name}: {pod.reason}: {pod.message}" for pod in stuck), said)
    return f"the operator did not come up within {BOOT_S_MAX:.0f} simulated seconds: {' '.join(why.split())}"


def _fill_up(world: SimulatedWorld, nodes: int, pods: int) -> None:
    """Nodes up to `nodes`, and so many ordinary pods."""
    names = (f"node-{number}" for number in count(1))
    while len(world.cluster.nodes) < nodes:
        name = next(names)
        if name not in world.cluster.nodes:
            world.add_node(name)
    if pods:
        make_namespace(world.cluster, PODS_NAMESPACE)
        world.cluster.add_pods(pods, PODS_NAMESPACE)


def resources() -> dict[tuple[str, str], Resource]:
    """What the simulated API server serves from the start, and our own kinds, by apiVersion and kind."""
    built_in = {(kind.resource.api_version, kind.resource.kind): kind.resource for kind in KINDS}
    return built_in | kinds.served()


def operator_manifests(namespace: str) -> list[Object]:
    """The installation: the files of deploy/ for the usual namespace, made afresh for any other."""
    if namespace != NAMESPACE:
        return [dict(manifest) for manifest in manifests(namespace)]
    return packaged.manifests()
