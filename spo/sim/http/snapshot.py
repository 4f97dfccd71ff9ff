"""A cluster as lines of JSON, to be loaded another day: every object, every file on the nodes, and the time.

What is not in it is lost, as in a power cut of the whole cluster, and loading is played as one: every machine boots,
every container starts anew. So what processes had in memory is gone, a back-off begins again, and audit lines, symbolic
links, workloads of images and faults are not kept. Objects keep names, uids and times; each gets a new
resourceVersion, later than any before: a client that watched lists again.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from spo.sim.cluster import SimulatedCluster
from spo.sim.store import StoreKey

FORMAT = 1
FIRST = ("namespaces", "customresourcedefinitions.apiextensions.k8s.io", "nodes")  # what others need to be there

Cluster = TypeVar("Cluster", bound=SimulatedCluster)


class BadSnapshot(Exception):
    """This is not a snapshot that can be loaded; the message says where and why."""


class Machine(Struct, frozen=True):
    name: str
    number: int
    lives: bool
    boots: int


class Head(Struct, frozen=True):
    """The first line."""

    format: int
    seed: int
    now_ns: int
    revision: int
    machines: tuple[Machine, ...]

    @property
    def next_seed(self) -> int:
        """Another one, always the same: a cluster that went on with its first seed would give out its uids again."""
        return self.seed * 1_000_003 + self.revision


class Object(Struct, frozen=True, tag="object"):
    key: tuple[str, str, str]
    body: dict[str, Any]


class File(Struct, frozen=True, tag="file"):
    node: str
    path: str
    data: str


_encode = msgspec.json.encode
_head = msgspec.json.Decoder(Head)
_line: msgspec.json.Decoder[Object | File] = msgspec.json.Decoder(Object | File)


def snapshot(cluster: SimulatedCluster) -> Iterator[bytes]:
    """The cluster as it stands: a line for its head, one for each object, one for each file."""
    machines = tuple(Machine(node.name, node.number, node.lives, node.boots) for node in cluster.nodes.values())
    head = Head(FORMAT, cluster.seed, cluster.timeline.now_ns, cluster.store.revision, machines)
    yield _encode(head) + b"\n"
    for resource in cluster.store.resources():
        for record in cluster.store.scan(resource):
            key = _encode(record.key)
            yield b'{"type":"object","key":%b,"body":%b}\n' % (key, record.body)
    for node in cluster.nodes.values():
        for path, data in node.disk.peek_below():
            yield _encode(File(node.name, path, b64encode(data).decode())) + b"\n"


def restore(lines: Iterable[bytes], make: Callable[[int], Cluster]) -> Cluster:
    """A cluster from its lines; `make` gives an empty one for a seed, without nodes. Raises BadSnapshot."""
    numbered = enumerate(lines, 1)
    try:
        head = _head.decode(next(numbered, (1, b""))[1])
    except msgspec.MsgspecError as error:
        raise BadSnapshot(f"line 1: {error}") from None
    if head.format != FORMAT:
        raise BadSnapshot(f"its format is {head.format}, and this release reads {FORMAT}")
    objects: list[Object] = []
    files: list[File] = []
    for number, line in numbered:
        try:
            read = _line.decode(line)
            if isinstance(read, Object):
                objects.append(read)
            else:
                b64decode(read.data, validate=True)
                files.append(read)
        except ValueError as error:  # msgspec's own, too
            raise BadSnapshot(f"line {number}: {error}") from None
    cluster = make(head.next_seed)
    _fill(cluster, head, objects)
    for file in files:
        cluster.nodes[file.node].disk.write(file.path, b64decode(file.data))
    _power_on(cluster, head)
    return cluster


def _fill(cluster: SimulatedCluster, head: Head, objects: list[Object]) -> None:
    """Past the API server's door: it was all admitted, defaulted and validated once."""
    cluster.timeline.run_until(head.now_ns)
    cluster.store.revision = max(cluster.store.revision, head.revision)
    cluster.store.compact(cluster.store.revision)
    order = {machine.name: place for place, machine in enumerate(head.machines)}
    for each in sorted(objects, key=lambda each: _rank(each, order)):
        if each.key[0] == "nodes" and each.key[2] in order:
            cluster.load([each.body])
        else:
            cluster.store.put(StoreKey(*each.key), each.body)
    for machine in head.machines:
        if machine.name not in cluster.nodes:
            raise BadSnapshot(f"there is no object of node {machine.name}")


def _rank(each: Object, order: dict[str, int]) -> tuple[int, int]:
    resource, _, name = each.key
    place = FIRST.index(resource) if resource in FIRST else len(FIRST)
    return place, order.get(name, 0) if resource == "nodes" else 0


def _power_on(cluster: SimulatedCluster, head: Head) -> None:
    for machine in head.machines:
        node, kubelet = cluster.nodes[machine.name], cluster.kubelets[machine.name]
        node.number, node.boots = machine.number, machine.boots
        if machine.lives:
            kubelet.power_off()
            kubelet.boot()
        else:
            cluster.stop_node(machine.name)
