"""A trial: manifests in a simulated cluster with the operator in it, and what becomes of them."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from msgspec import Struct

from spo.input.apply import Applier
from spo.input.capacity import check_room, nodes_at_least, remarks_on_nodes
from spo.input.classify import Intake, sort_out
from spo.input.load import Loaded, load
from spo.model import kinds
from spo.report.outcome import Outcome
from spo.report.summary import Rejected, summarize
from spo.report.terminal import Progress
from spo.report.timeline import lines
from spo.sim.store import StoreKey
from spo.testbed.world import SimulatedWorld, boot, resources


class Trial(Struct, frozen=True):
    """What is asked for: the files, so many nodes (`None`: those of the input, else 3) and ordinary pods.

    `until_s`: simulated time, at most, from the first apply on.
    """

    files: Sequence[str]
    nodes: int | None = None
    pods: int = 0
    seed: int = 0
    until_s: float = 600.0


def try_out(trial: Trial, progress: Progress) -> Outcome:
    """Load, boot, apply, run, look. Raises BadInput."""
    intake = sort_out(load(trial.files, progress), resources())
    gc.freeze()  # the input stays as it is: the garbage collector need not look through it again and again
    notes = intake.notes
    nodes = nodes_at_least(trial.nodes, intake.present)
    check_room(intake, nodes, trial.pods)
    notes += remarks_on_nodes(trial.nodes, intake.present)
    world = boot(trial.seed, nodes, trial.pods, present=intake.present, notes=notes, progress=progress)
    applier = Applier(world.cluster)
    rejected = list(intake.rejected)
    for place, item in enumerate(intake.wishes, 1):
        progress(f"applying {place:,} of {len(intake.wishes):,}")
        refusal = applier.apply(item)
        rejected += [refusal] if refusal else []
    at_rest = run_to_rest(world, trial.until_s, progress)
    notes += applier.notes
    return look(world, intake, rejected, notes, at_rest, trial.seed)


def run_to_rest(world: SimulatedWorld, until_s: float, progress: Progress) -> bool:
    """Let the world run until it rests, or the time is over; gives which of the two."""
    timeline = world.cluster.timeline
    start, end = timeline.now, timeline.now + until_s
    while timeline.now < end:
        progress(f"running: {timeline.now - start:.0f} s of simulated time, {len(world.recorder.facts):,} events")
        if world.cluster.rest(min(60.0, end - timeline.now)):
            return True
    return False


def look(
    world: SimulatedWorld, intake: Intake, rejected: list[Rejected], notes: list[str], at_rest: bool, seed: int
) -> Outcome:
    """What the world looks like now."""
    store = world.cluster.store
    notes += intake.notes_on_given()
    if not at_rest:
        notes.append("the time was over before the cluster came to rest: try a longer --until")
    nodes = world.cluster.nodes
    refused = {pod: ", ".join(by.values()) for node in nodes.values() for pod, by in node.refused.items()}
    summary = summarize(
        store,
        world.namespace,
        rejected=rejected + removed(world, intake.wishes, rejected),
        notes=notes,
        failed_before=_failed_before(intake.present),
        refused=refused,
    )
    simulated_s = (world.cluster.timeline.now_ns - world.start_ns) / 1e9
    head = f"{len(nodes)} simulated node{'s' * (len(nodes) != 1)}, {store.count('pods'):,} pods, seed {seed}"
    told = lines(world.recorder.facts, world.start_ns)
    return Outcome(head, told, summary, world.history.digest(), len(nodes), seed, simulated_s, at_rest)


def removed(world: SimulatedWorld, wishes: Sequence[Loaded], rejected: Sequence[Rejected]) -> list[Rejected]:
    """Objects of our kinds that were applied, and that the operator has taken away since, with its reason."""
    refused = {each.object for each in rejected}
    ours = kinds.written_by_users()
    gone = []
    for item in wishes:
        resource = ours.get((item.api_version, item.kind))
        if resource is None or str(item) in refused:
            continue
        key = StoreKey(resource.storage, item.namespace or "default", item.name)
        if world.cluster.store.get(key) is not None:
            continue
        subject = f"{key.namespace}/{key.name}"
        whys = [fact.why for fact in world.recorder.facts if fact.subject == subject and fact.remark]
        gone.append(Rejected(str(item), str(item.source), "it was removed again\n" + (whys[-1] if whys else "")))
    return gone


def _failed_before(present: Sequence[Loaded]) -> set[str]:
    """Uids of the pods that had failed when the dump was made, and of their owners."""
    uids: set[str] = set()
    for item in present:
        if item.kind == "Pod" and (item.object.get("status") or {}).get("phase") == "Failed":
            metadata = item.object["metadata"]
            uids |= {metadata["uid"], *(owner["uid"] for owner in metadata.get("ownerReferences") or ())}
    return uids
