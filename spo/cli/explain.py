"""Say what would happen, and why, before it is done.

`spo explain allow-list` takes manifests, or a dump of a cluster (`kubectl get … -o yaml`), and says of each profile
what another allow list would do to it: remove it, reject it, install it, or leave it. The verdicts are the operator's.

  kubectl get seccompprofiles,spod,pods,nodes -A -o yaml >cluster.yaml
  spo explain allow-list -f cluster.yaml --list exit,exit_group,futex,nanosleep
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spo.cli import facts
from spo.cli.paint import Progress, paint_for

if TYPE_CHECKING:
    from spo.cli.allow_list import Outlook, Policy

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
            "restricts nothing, 2 bad input",
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
    parser.add_argument("--operator-namespace", metavar="NAME", help="the operator's (default: where spod is)")
    parser.add_argument(
        "-o", "--output", choices=("text", "json", "yaml"), default="text", help="how to print it (default: text)"
    )


class Answer:
    """The preview, and what it was taken on."""

    def __init__(
        self,
        present: Policy,
        new: Policy,
        outlooks: Sequence[Outlook],
        notes: Sequence[str],
        remarks: Sequence[str] = (),
    ) -> None:
        self.present = present
        self.new = new
        self.outlooks = outlooks
        self.notes = notes
        self.remarks = remarks  # on a spod that restricts nothing where it seems to restrict everything

    @property
    def harmless(self) -> bool:
        from spo.cli.allow_list import HARM

        return not self.remarks and not any(each.fate in HARM for each in self.outlooks)


def run(arguments: argparse.Namespace) -> int:
    """Explain it. Gives 0 (nothing would be removed or rejected), 1 (something would) or 2 (bad input)."""
    from spo.cli.manifests import BadInput

    progress = Progress()
    try:
        answer = _answer(arguments, progress)
    except BadInput as error:
        progress.done()
        for problem in error.problems:
            print(f"spo: {problem}", file=sys.stderr)
        return 2
    progress.done()
    print(_written(answer, arguments.output))
    return 0 if answer.harmless else 1


def _answer(arguments: argparse.Namespace, progress: Progress) -> Answer:
    from spo.cli.allow_list import Policy, preview
    from spo.cli.judging import Settings, new_settings, read
    from spo.model.reasons import remedy
    from spo.model.spod import SecurityProfilesOperatorDaemon
    from spo.render.spod import remarks

    state = read(arguments.filename, arguments.operator_namespace, progress)
    new, notes = new_settings(Settings(arguments.list, arguments.actions, arguments.spod), state, progress)
    outlooks = preview(state.profiles, state.pods, state.spod, new, state.operator_namespace)
    # `--list ''` is meant as it is: its help says so.
    found = remarks(SecurityProfilesOperatorDaemon(spec=new)) if arguments.spod is not None else ()
    told = [f"EmptyList: {each.field}: {each.message}. {remedy('EmptyList')}" for each in found]
    return Answer(Policy.of(state.spod), Policy.of(new), outlooks, [*state.notes, *notes], told)


def _written(answer: Answer, form: str) -> str:
    if form == "text":
        from spo.cli.explain_text import text

        paint = paint_for(sys.stdout)
        said = text(answer.present, answer.new, answer.outlooks, answer.notes, paint)
        return "\n".join([said, *(paint(f"✗ {remark}", "bad") for remark in answer.remarks)])
    return facts.written(_facts(answer), form)


def _facts(answer: Answer) -> dict[str, Any]:
    from spo.cli.allow_list import missing
    from spo.model.manifest import plain

    syscalls, actions = missing(answer.outlooks)
    return {
        "harmless": answer.harmless,
        "present": plain(answer.present),
        "new": plain(answer.new),
        "profiles": [{**plain(each), "staysOn": each.stays_on} for each in answer.outlooks],
        "missing": {"syscalls": syscalls, "actions": actions},
        "notes": [*answer.notes, *answer.remarks],
    }
