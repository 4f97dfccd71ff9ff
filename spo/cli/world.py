"""A simulated cluster with the operator in it: the roles wired to its pods, the manifests of deploy/ installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from spo.cli.adopt import adopt
from spo.cli.chronicle import Chronicle
from spo.cli.filler import running_pods
from spo.cli.manifests import Loaded
from spo.cli.programs import SimProcess
from spo.cli.timeline import Fact
from spo.cli.yaml_text import documents
from spo.model.resource import NODE_STATUSES, SECCOMP_PROFILES, SPODS, Resource
from spo.render.install import IMAGE, NAMESPACE, manifests
from spo.sim.api.authn import User
from spo.sim.api.builtin import KINDS
from spo.sim.api.http import Request, Response
from spo.sim.api.status import ApiError
from spo.sim.client import Client
from spo.sim.cluster import SimulatedCluster
from spo.sim.door import Hearing
from spo.sim.history import History
from spo.sim.luck import Luck, Rule
from spo.sim.node.disk import DiskChange
from spo.sim.node.node import Node
from spo.sim.node.program import Launch

BOOT_S_MAX = 300.0
OURS = (SECCOMP_PROFILES, NODE_STATUSES, SPODS)

Object = dict[str, Any]
Progress = Callable[[str], None]


class NotUp(Exception):
    """The operator did not come up in the simulated cluster: our own bug."""


class World:
    """A simulated cluster that is listened to: `chronicle` for people, `history` for comparing runs.

    `log` has what the operator's processes logged; `luck` is where faults attach.
    """

    def __init__(self, seed: int = 0, namespace: str = NAMESPACE, rules: tuple[Rule, ...] = ()) -> None:
        self.namespace = namespace
        self.log: list[Object] = []
        hearing = Hearing()

        def program(launch: Launch) -> SimProcess:
            return SimProcess(launch, self.luck, hearing, self.log)

        self.cluster = SimulatedCluster(seed=seed, nodes=0, programs={IMAGE: program})
        self.luck = Luck(self.cluster.timeline.rng, rules)
        self.history = History(self.cluster.timeline)
        self.chronicle = Chronicle(self.cluster.timeline, self.cluster.store, namespace, self.history)
        self.cluster.api.observers.append(self._observe)
        self.start_ns = self.cluster.timeline.now_ns
        self.you: Client = self.cluster.client()

    def add_node(self, name: str, labels: Mapping[str, str] = {}) -> None:  # never changed
        """A node more, its disk listened to."""
        self.cluster.add_node(name, labels=dict(labels))
        self.listen_to(self.cluster.nodes[name])

    def listen_to(self, node: Node) -> None:
        def changed(change: DiskChange) -> None:
            self.chronicle.file(node.name, change.path, change.data)

        node.disk.subscribe(changed)

    def install(self) -> int:
        """Create every object of the installation, as a user with `kubectl apply -f deploy/operator.yaml`."""
        wanted = operator_manifests(self.namespace)
        by_kind = {**resources(), **{(r.api_version, r.kind): r for r in OURS}}
        self.chronicle.tell(
            Fact(0, "you", "installed the operator", tail=f"· {len(wanted)} objects of deploy/", tone="you")
        )
        with self.chronicle.muted():
            for obj in wanted:
                self._create(by_kind[obj["apiVersion"], obj["kind"]], obj)
        return len(wanted)

    def _create(self, resource: Resource, obj: Object) -> None:
        for attempt in range(10):
            try:
                self.you.create(resource, obj)
            except ApiError as error:
                if error.code == 409:  # the dump has it already
                    return
                if error.code != 404 or attempt == 9:
                    raise
                self.cluster.run(0.5)  # a new kind is served a moment after its definition
            else:
                return

    def is_up(self) -> bool:
        """Does spod run, on every node it should?"""
        try:
            spod = self.you.get(SPODS, self.namespace, "spod")
        except ApiError:
            return False
        return (spod.get("status") or {}).get("state") == "RUNNING"

    def _observe(self, request: Request, user: User, response: Response) -> None:
        self.chronicle.request(request, user.name, response)


def boot(
    seed: int = 0,
    nodes: int = 3,
    pods: int = 0,
    namespace: str = NAMESPACE,
    *,
    present: Sequence[Loaded] = (),
    rules: tuple[Rule, ...] = (),
    notes: list[str] | None = None,
    progress: Progress = lambda text: None,
) -> World:
    """A cluster of so many nodes with the operator at work in it.

    `present` is the state it begins with (of a dump: its nodes count, and are filled up to `nodes`); `pods` are
    ordinary pods that run from the start. Raises NotUp.
    """
    world = World(seed, namespace, rules)
    progress("booting the cluster")
    with world.chronicle.muted():
        found = adopt(world.cluster, present, resources())
        if notes is not None:
            notes += found
        for node in world.cluster.nodes.values():
            world.listen_to(node)
        for number in range(1, nodes + 1):
            if len(world.cluster.nodes) < nodes and f"node-{number}" not in world.cluster.nodes:
                world.add_node(f"node-{number}")
        running_pods(world.cluster, pods)
    progress("installing the operator")
    world.install()
    if not world.cluster.run_until(world.is_up, BOOT_S_MAX):
        raise NotUp(f"spod is not RUNNING after {BOOT_S_MAX:.0f} s; the operator's last words: {world.log[-5:]}")
    world.cluster.rest(BOOT_S_MAX)
    return world


def resources() -> dict[tuple[str, str], Resource]:
    """What the simulated API server serves from the start, and our own kinds, by apiVersion and kind."""
    built_in = {(kind.resource.api_version, kind.resource.kind): kind.resource for kind in KINDS}
    return built_in | {(resource.api_version, resource.kind): resource for resource in OURS}


def operator_manifests(namespace: str) -> list[Object]:
    """The installation: the files of deploy/ for the usual namespace, made afresh for any other."""
    if namespace != NAMESPACE:
        return [dict(manifest) for manifest in manifests(namespace)]
    text = files("spo").joinpath("deploy/operator.yaml").read_text(encoding="utf-8")
    return [document.value for document in documents(text) if document.value]
