"""Say what would happen, and why, before it is done.

`spo explain allow-list` takes manifests, or a dump of a cluster (`kubectl get … -o yaml`), and says of each profile
what another allow list would do to it: remove it, reject it, install it, or leave it. The verdicts are the operator's.

  kubectl get seccompprofiles,spod,pods,nodes -A -o yaml >cluster.yaml
  spo explain allow-list -f cluster.yaml --list exit,exit_group,futex,nanosleep
"""

from __future__ import annotations

import argparse
import sys

EXAMPLE = "spo explain allow-list -f examples/restrict-syscalls --list exit,exit_group,futex,nanosleep"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what can be explained."""
    what = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    _configure_allow_list(
        what.add_parser(
            "allow-list",
            help="what another list of allowed syscalls or actions would do to the profiles",
            description="What another list of allowed syscalls, or of actions, would do to each profile. A profile of "
            "a dump is judged as it stands; one that only stands in a manifest is taken as installed.",
            epilog=f"example:\n  {EXAMPLE}\n\n"
            "exit code: 0 nothing would be removed or rejected, 1 something would, or a list of the spod is empty and "
            "restricts nothing, 2 bad input, 3 no answer: spo itself failed",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )


def _configure_allow_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f", "--filename", action="append", required=True, metavar="FILE|DIR", help="profiles, or a dump; `-`: stdin"
    )
    parser.add_argument("--list", metavar="A,B,…", help="the syscalls that would be allowed (empty: all)")
    parser.add_argument("--actions", metavar="A,B,…", help="the letting-through actions that would be allowed")
    parser.add_argument("--spod", metavar="FILE", help="the spod that would be applied, instead of the two lists")
    parser.add_argument("--details", action="store_true", help="every profile, workload, node and pod by name")
    parser.add_argument("--operator-namespace", metavar="NAME", help="the operator's (default: where spod is)")
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text", help="how to print it (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Explain it. Gives 0 (nothing would be removed or rejected), 1 (something would) or 2 (bad input)."""
    from spo.input.load import BadInput
    from spo.preview.answer import Question, answer, written
    from spo.preview.input import NewLists
    from spo.report.terminal import Progress, paint_for

    lists = NewLists(arguments.list, arguments.actions, arguments.spod)
    progress = Progress()
    try:
        given = answer(Question(arguments.filename, lists, arguments.operator_namespace), progress)
    except BadInput as error:
        progress.done()
        for problem in error.problems:
            print(f"spo: {problem}", file=sys.stderr)
        return 2
    progress.done()
    print(written(given, arguments.output, paint_for(sys.stdout), arguments.details))
    return 0 if given.harmless else 1
