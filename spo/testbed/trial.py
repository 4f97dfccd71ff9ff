"""A trial: manifests in a simulated cluster with the operator in it, and what becomes of them."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from spo.input.apply import Applier
from spo.input.capacity import check_room, nodes_at_least, remarks_on_nodes
from spo.input.classify import Intake, sort_out
from spo.input.load import BadInput, Loaded, Problem, load
from spo.input.workloads import workloads
from spo.model import kinds
from spo.model.resource import PODS, SECCOMP_PROFILES
from spo.report.outcome import Outcome
from spo.report.summary import BrokenWorkload, Rejected, profiles, summarize
from spo.report.terminal import Progress
from spo.report.timeline import Fact, lines
from spo.sim.node.seccomp_loading import RUNC
from spo.sim.store import StoreKey
from spo.testbed.world import SimulatedWorld, boot, resources


class Trial(Struct, frozen=True):
    """What is asked for: the files, in parts; so many nodes (`None`: those of the input, else 3) and ordinary pods.

    `until_s`: simulated time, at most, from the first apply of each part on. `strict`: a remark on a profile is a no.
    `runc`: the release that the nodes have.
    """

    parts: Sequence[Sequence[str]]
    nodes: int | None = None
    pods: int = 0
    seed: int = 0
    until_s: float = 600.0
    strict: bool = False
    runc: str = RUNC


def try_out(trial: Trial, progress: Progress) -> Outcome:
    """Load, boot, apply, run, look. Raises BadInput."""
    intakes = _sorted_out(trial.parts, progress)
    gc.freeze()  # the input stays as it is: the garbage collector need not look through it again and again
    whole = _joined(intakes)
    notes = whole.notes
    nodes = nodes_at_least(trial.nodes, whole.present)
    check_room(whole, nodes, trial.pods)
    notes += remarks_on_nodes(trial.nodes, whole.present)
    world = boot(trial.seed, nodes, trial.pods, present=whole.present, notes=notes, progress=progress, runc=trial.runc)
    applier = Applier(world.cluster)
    rejected = list(whole.rejected)
    at_rest = True
    for number, (files, intake) in enumerate(zip(trial.parts, intakes, strict=True)):
        if number:
            world.recorder.tell(Fact(0, "you", "then", tail=f"· {', '.join(files)}", tone="you"))
        for place, item in enumerate(intake.wishes, 1):
            progress(f"applying {place:,} of {len(intake.wishes):,}")
            refusal = applier.apply(item)
            rejected += [refusal] if refusal else []
        at_rest = run_to_rest(world, trial.until_s, progress) and at_rest
    notes += applier.notes
    return look(world, whole, rejected, notes, at_rest, trial)


def _sorted_out(parts: Sequence[Sequence[str]], progress: Progress) -> list[Intake]:
    """All parts, before anything of them is applied. Raises BadInput."""
    intakes: list[Intake] = []
    before: list[Loaded] = []
    for number, files in enumerate(parts):
        loaded = load(files, progress)
        intake = sort_out(loaded, resources(), before)
        if number and intake.present:
            what = f"{intake.present[0]} is of a dump, the state to begin with"
            raise BadInput(Problem(str(intake.present[0].source), what, "give it before the first --then"))
        intakes.append(intake)
        before += loaded
    return intakes


def _joined(intakes: Sequence[Intake]) -> Intake:
    return Intake(
        intakes[0].present,
        [item for intake in intakes for item in intake.wishes],
        sum((intake.given for intake in intakes), Counter[str]()),
        [item for intake in intakes for item in intake.rejected],
        [note for intake in intakes for note in intake.notes],
    )


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
    world: SimulatedWorld, intake: Intake, rejected: list[Rejected], notes: list[str], at_rest: bool, trial: Trial
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
        workloads=_broken(world, intake),
        strict=trial.strict,
    )
    simulated_s = (world.cluster.timeline.now_ns - world.start_ns) / 1e9
    head = f"{len(nodes)} simulated node{'s' * (len(nodes) != 1)}, {store.count('pods'):,} pods, seed {trial.seed}"
    told = lines(world.recorder.facts, world.start_ns)
    return Outcome(head, told, summary, world.history.digest(), len(nodes), trial.seed, simulated_s, at_rest)


def removed(world: SimulatedWorld, wishes: Sequence[Loaded], rejected: Sequence[Rejected]) -> list[Rejected]:
    """Objects of our kinds that were applied, and that the operator has taken away since, with its reason."""
    refused = {each.object for each in rejected}
    ours = kinds.written_by_users()
    gone: list[Rejected] = []
    for item in wishes:
        resource = ours.get((item.api_version, item.kind))
        if resource is None or str(item) in refused or not item.object["metadata"].get("name"):
            continue  # of a name that the server made nobody knows which it is
        key = StoreKey(resource.storage, item.namespace or "default", item.name)
        if world.cluster.store.get(key) is not None or any(each.object == str(item) for each in gone):
            continue
        subject = f"{key.namespace}/{key.name}"
        whys = [fact.why for fact in world.recorder.facts if fact.subject == subject and fact.remark]
        gone.append(Rejected(str(item), str(item.source), "it was removed again\n" + (whys[-1] if whys else "")))
    return gone


def _broken(world: SimulatedWorld, intake: Intake) -> list[BrokenWorkload]:
    """Workloads of the input whose profile, of the input too, is not there for their next pod."""
    items = [*intake.present, *intake.wishes]
    states = {f"{each.namespace}/{each.name}.json": each for each in profiles(world.cluster.store)}
    brought = {
        f"{each.namespace or 'default'}/{each.name}.json" for each in items if each.kind == SECCOMP_PROFILES.kind
    }
    found = []
    for workload in workloads(items):
        if workload.kind == PODS.kind:
            continue  # it is told by itself if it does not run, and makes no other
        for file in sorted(workload.files & brought):
            profile = states.get(file)
            if profile is None or not profile.satisfied:
                state = "gone" if profile is None else profile.state or "new"
                name = f"{workload.kind} {workload.name}"
                found.append(BrokenWorkload(workload.namespace, name, file.removesuffix(".json"), state))
    return found


def _failed_before(present: Sequence[Loaded]) -> set[str]:
    """Uids of the pods that had failed when the dump was made, and of their owners."""
    uids: set[str] = set()
    for item in present:
        if item.kind == "Pod" and (item.object.get("status") or {}).get("phase") == "Failed":
            metadata = item.object["metadata"]
            uids |= {metadata["uid"], *(owner["uid"] for owner in metadata.get("ownerReferences") or ())}
    return uids
