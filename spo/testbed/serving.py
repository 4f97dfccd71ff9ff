"""The cluster that `spo sim serve` and `spo sim load` serve: made from input, or read from where it was kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from spo.input.apply import Applier
from spo.input.capacity import check_room, nodes_at_least, remarks_on_nodes
from spo.input.classify import sort_out
from spo.input.load import load
from spo.report.terminal import Progress
from spo.sim.cluster import SimulatedCluster
from spo.sim.http.snapshot import restore
from spo.testbed.world import SimulatedWorld, boot, resources


class Wanted(Struct, frozen=True):
    """What is asked for: so many nodes (`None`: those of the input, else 3) and ordinary pods, and the input's objects.

    `start`: what time it is there at first, in seconds since 1970.
    """

    files: Sequence[str] = ()
    nodes: int | None = None
    pods: int = 0
    seed: int = 0
    operator: bool = True
    start: float = 0.0


def made(wanted: Wanted, progress: Progress) -> tuple[SimulatedWorld, list[str]]:
    """The cluster that was asked for, and what to say of its input. Raises BadInput."""
    intake = sort_out(load(wanted.files, progress) if wanted.files else [], resources())
    nodes = nodes_at_least(wanted.nodes, intake.present)
    check_room(intake, nodes, wanted.pods, operator=wanted.operator)
    notes = [*intake.notes, *remarks_on_nodes(wanted.nodes, intake.present), *intake.notes_on_given()]
    world = boot(
        wanted.seed,
        nodes,
        wanted.pods,
        present=intake.present,
        notes=notes,
        progress=progress,
        operator=wanted.operator,
        start=wanted.start,
    )
    applier = Applier(world.cluster)
    refusals = [*intake.rejected, *filter(None, map(applier.apply, intake.wishes))]
    told = [": ".join(filter(None, (each.source, each.object, each.message, each.remedy))) for each in refusals]
    return world, [*notes, *applier.notes, *told]


def loaded(file: Path) -> SimulatedWorld:
    """A saved cluster. Raises BadSnapshot, OSError."""
    worlds: list[SimulatedWorld] = []

    def make(seed: int) -> SimulatedCluster:
        worlds.append(SimulatedWorld(seed))
        return worlds[0].cluster

    with file.open("rb") as lines:
        restore(lines, make)
    world = worlds[0]
    for node in world.cluster.nodes.values():
        world.listen_to(node)
    return world
