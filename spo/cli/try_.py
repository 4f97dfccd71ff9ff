"""Run manifests in a simulated cluster with the operator in it, and see what becomes of them.

Takes any manifests: files, directories, `-` for stdin; several documents, Lists, and dumps of a real cluster
(`kubectl get … -o yaml`), whose nodes and running pods become the cluster's present state. Objects are applied in
the order given. Shows the timeline, every profile on every node, and pods that could not start, each with its reason.

  kubectl get nodes,namespaces -o yaml >cluster.yaml; kubectl get pods -A -o json >pods.json
  spo try -f cluster.yaml -f pods.json -f my-new-profiles/
"""

from __future__ import annotations

import argparse
import gc
import sys
from typing import Any

from msgspec import Struct

from spo.cli import facts
from spo.cli.options import NODES, count, duration, number
from spo.cli.paint import Paint, Progress, paint_for


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo try`."""
    parser.add_argument(
        "-f", "--filename", action="append", required=True, metavar="FILE|DIR", help="manifests; may be given often"
    )
    parser.add_argument(
        "--nodes",
        type=count,
        metavar="N",
        help=f"at least so many, a dump's own counted (default: those, else {NODES})",
    )
    parser.add_argument("--pods", type=number, default=0, metavar="N", help="ordinary pods besides (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="same seed and input, same history (default: 0)")
    parser.add_argument(
        "--until",
        type=duration,
        default=600.0,
        metavar="TIME",
        help="simulated time, at most, from your first apply on (default: 10m)",
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text", help="how to print it (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Try it. Gives 0 (all that was applied is satisfied), 1 (something is rejected or failing) or 2 (bad input)."""
    from spo.cli.manifests import BadInput

    progress = Progress()
    try:
        outcome = try_out(arguments, progress)
    except BadInput as error:
        progress.done()
        for problem in error.problems:
            print(f"spo: {problem}", file=sys.stderr)
        print("spo: nothing was applied", file=sys.stderr)
        return 2
    progress.done()
    print(written(outcome, arguments.output, paint_for(sys.stdout)))
    return 0 if outcome.satisfied else 1


class Outcome(Struct, frozen=True):
    """What came of it, ready to be written."""

    head: str
    lines: list[Any]
    summary: Any
    history: str
    nodes: int
    seed: int
    simulated_s: float
    at_rest: bool

    @property
    def satisfied(self) -> bool:
        return bool(self.summary.satisfied)


def try_out(arguments: argparse.Namespace, progress: Progress) -> Outcome:
    """Load, boot, apply, run, look. Raises BadInput."""
    from spo.cli.apply import Applier
    from spo.cli.intake import sort_out
    from spo.cli.manifests import load
    from spo.cli.room import check_room, nodes_at_least, remarks_on_nodes
    from spo.cli.world import boot, resources

    intake = sort_out(load(arguments.filename, progress), resources())
    gc.freeze()  # the input stays as it is: the garbage collector need not look through it again and again
    notes = intake.notes
    nodes = nodes_at_least(arguments.nodes, intake.present)
    check_room(intake, nodes, arguments.pods)
    notes += remarks_on_nodes(arguments.nodes, intake.present)
    world = boot(arguments.seed, nodes, arguments.pods, present=intake.present, notes=notes, progress=progress)
    applier = Applier(world.cluster)
    rejected = list(intake.rejected)
    for place, item in enumerate(intake.wishes, 1):
        progress(f"applying {place:,} of {len(intake.wishes):,}")
        refusal = applier.apply(item)
        rejected += [refusal] if refusal else []
    at_rest = run_to_rest(world, arguments.until, progress)
    notes += applier.notes
    return look(world, intake, rejected, notes, at_rest, arguments)


def run_to_rest(world: Any, until_s: float, progress: Progress) -> bool:
    """Let the world run until it rests, or the time is over; gives which of the two."""
    timeline = world.cluster.timeline
    start, end = timeline.now, timeline.now + until_s
    while timeline.now < end:
        progress(f"running: {timeline.now - start:.0f} s of simulated time, {len(world.chronicle.facts):,} events")
        if world.cluster.rest(min(60.0, end - timeline.now)):
            return True
    return False


def look(world: Any, intake: Any, rejected: list[Any], notes: list[str], at_rest: bool, arguments: Any) -> Outcome:
    """What the world looks like now."""
    from spo.cli.summary import Summary, profiles, settings, stuck_pods
    from spo.cli.timeline import lines

    store = world.cluster.store
    notes += intake.notes_on_given()
    if not at_rest:
        notes.append("the time was over before the cluster came to rest: try a longer --until")
    nodes = world.cluster.nodes
    refused = {pod: ", ".join(by.values()) for node in nodes.values() for pod, by in node.refused.items()}
    summary = Summary(
        profiles(store),
        stuck_pods(store, _failed_before(intake.present), refused),
        rejected + removed(world, intake.wishes, rejected),
        settings(store),
        notes,
        world.namespace,
    )
    simulated_s = (world.cluster.timeline.now_ns - world.start_ns) / 1e9
    head = f"{len(nodes)} simulated node{'s' * (len(nodes) != 1)}, {store.count('pods'):,} pods, seed {arguments.seed}"
    told = lines(world.chronicle.facts, world.start_ns)
    return Outcome(head, told, summary, world.history.digest(), len(nodes), arguments.seed, simulated_s, at_rest)


def removed(world: Any, wishes: list[Any], rejected: list[Any]) -> list[Any]:
    """Profiles that were applied, and that the operator has taken away since, with its reason."""
    from spo.cli.summary import Rejected, storage
    from spo.model.resource import SECCOMP_PROFILES
    from spo.sim.store import StoreKey

    refused = {each.object for each in rejected}
    gone = []
    for item in wishes:
        key = StoreKey(storage(SECCOMP_PROFILES), item.namespace or "default", item.name)
        if item.kind != SECCOMP_PROFILES.kind or str(item) in refused or world.cluster.store.get(key) is not None:
            continue
        subject = f"{key.namespace}/{key.name}"
        whys = [fact.why for fact in world.chronicle.facts if fact.subject == subject and fact.remark]
        gone.append(Rejected(str(item), str(item.source), "it was removed again\n" + (whys[-1] if whys else "")))
    return gone


def _failed_before(present: list[Any]) -> set[str]:
    """Uids of the pods that had failed when the dump was made, and of their owners."""
    uids: set[str] = set()
    for item in present:
        if item.kind == "Pod" and (item.object.get("status") or {}).get("phase") == "Failed":
            metadata = item.object["metadata"]
            uids |= {metadata["uid"], *(owner["uid"] for owner in metadata.get("ownerReferences") or ())}
    return uids


def written(outcome: Outcome, form: str, paint: Paint) -> str:
    """The outcome as text, JSON or YAML."""
    if form == "text":
        from spo.cli.paint import timeline_text
        from spo.cli.summary_text import summary_text

        parts = [
            paint(outcome.head, "bold"),
            timeline_text(outcome.lines, paint),
            summary_text(outcome.summary, paint),
            f"history {outcome.history}",
        ]
        return "\n\n".join(parts)
    return facts.written(as_facts(outcome), form)


def as_facts(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain data, the timeline in seconds."""
    from spo.cli.summary import plain

    told = [
        {"at": line.at_ns / 1e9, "who": line.who, "what": line.what, "why": line.why, "tone": line.tone}
        for line in outcome.lines
    ]
    return {
        "seed": outcome.seed,
        "nodes": outcome.nodes,
        "simulatedSeconds": outcome.simulated_s,
        "atRest": outcome.at_rest,
        **plain(outcome.summary),
        "timeline": told,
        "history": outcome.history,
    }
