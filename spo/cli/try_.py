"""Run manifests in a simulated cluster with the operator in it, and see what becomes of them.

Takes any manifests: files, directories, `-` for stdin; several documents, Lists, and dumps of a real cluster
(`kubectl get … -o yaml`), whose nodes and running pods become the cluster's present state. Objects are applied in
the order given. Shows the timeline, every profile on every node, and pods that could not start, each with its reason.

  kubectl get nodes,namespaces -o yaml >cluster.yaml; kubectl get pods -A -o json >pods.json
  spo try -f cluster.yaml -f pods.json -f my-new-profiles/
"""

from __future__ import annotations

import argparse
import sys

from spo.input.options import add_files, add_nodes, duration, number, release


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo try`."""
    add_files(parser)
    add_nodes(parser)
    parser.add_argument("--pods", type=number, default=0, metavar="N", help="ordinary pods besides (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="same seed and input, same history (default: 0)")
    parser.add_argument(
        "--until",
        type=duration,
        default=600.0,
        metavar="TIME",
        help="simulated time, at most, from your first apply on (default: 10m)",
    )
    parser.add_argument("--strict", action="store_true", help="a remark on a profile (unknown syscalls …) is a no")
    parser.add_argument(
        "--runc",
        type=release,
        metavar="VERSION",
        help="the release of runc that the nodes have: it decides what they load (default: Debian 12's)",
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text", help="how to print it (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Try it. Gives 0 (all that was applied is satisfied), 1 (something is rejected or failing) or 2 (bad input)."""
    from spo.input.load import BadInput
    from spo.report.outcome import written
    from spo.report.terminal import Progress, paint_for
    from spo.sim.node.seccomp_loading import RUNC
    from spo.testbed.trial import Trial, try_out

    asked = (arguments.parts, arguments.nodes, arguments.pods, arguments.seed, arguments.until, arguments.strict)
    trial = Trial(*asked, runc=arguments.runc or RUNC)
    progress = Progress()
    try:
        outcome = try_out(trial, progress)
    except BadInput as error:
        progress.done()
        for problem in error.problems:
            print(f"spo: {problem}", file=sys.stderr)
        print("spo: nothing was applied", file=sys.stderr)
        return 2
    progress.done()
    print(written(outcome, arguments.output, paint_for(sys.stdout)))
    return 0 if outcome.satisfied else 1
