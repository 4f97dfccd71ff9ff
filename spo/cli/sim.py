"""A simulated cluster that kubectl and any other client can use, and whose time can be driven.

  spo sim serve --nodes 5        a cluster, until Ctrl-C; prints what to do
  spo sim advance 5m             let simulated time pass
  spo sim state                  what time it is there, and how much there is
  spo sim save FILE              keep the cluster: every object, every file on its nodes
  spo sim load FILE              serve it again; as after a power cut, all containers start anew

How time passes (--speed):
  max     as fast as it can until the cluster rests, then it stands: what you apply is done when you look (default)
  real    one second a second
  manual  only with `spo sim advance`
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from spo.input.options import add_nodes, number
from spo.report.exit_codes import BAD_INPUT, NO

SPEEDS = ("max", "real", "manual")
SPEED_HELP = (
    "how time passes: `max`, as fast as it can until the cluster rests, then it stands; `real`, one second a second; "
    "`manual`, only with `spo sim advance` (default: max)"
)
DESCRIPTIONS = {
    "serve": "Serve a new simulated cluster, with the operator in it, until Ctrl-C; say how to use it.",
    "load": "Serve a cluster that `spo sim save` kept; as after a power cut, all containers start anew.",
    "advance": "Let simulated time pass in the cluster that is served.",
    "state": "Say what time it is in the cluster that is served, and how much there is.",
    "save": "Keep the cluster that is served: every object, and every file on its nodes.",
}
NEEDS = "pip install 'security-profiles-operator[serve]'"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands of `spo sim`."""
    commands = parser.add_subparsers(dest="what", required=True, metavar="serve|advance|state|save|load")
    serve = commands.add_parser("serve", help="a cluster in a second", epilog="example:\n  spo sim serve --pods 100")
    add_nodes(serve, none=True)
    serve.add_argument("--pods", type=number, default=0, metavar="N", help="ordinary pods that run (default: 0)")
    serve.add_argument("--seed", type=int, default=0, help="what is left to chance there (default: 0)")
    serve.add_argument(
        "-f", "--filename", action="append", default=[], metavar="FILE|DIR", help="manifests to begin with"
    )
    serve.add_argument("--without-operator", action="store_true", help="a plain cluster: this operator is not in it")
    serve.add_argument(
        "--start",
        type=_moment,
        metavar="TIME",
        help="what time it is there at first, like 2026-01-01T00:00:00Z: same seed, start and requests, same history "
        "(default: an hour ago; now, at --speed real)",
    )
    load = commands.add_parser("load", help="serve a saved cluster", epilog="example:\n  spo sim load cluster.ndjson")
    load.add_argument("file", type=Path, metavar="FILE", help="what `spo sim save` wrote")
    for each in (serve, load):
        each.add_argument(
            "--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="port 0: a free one (default: 127.0.0.1:0)"
        )
        each.add_argument(
            "--kubeconfig", type=Path, metavar="FILE", help="where to write it (default: a file that goes at the end)"
        )
        each.add_argument("--speed", choices=SPEEDS, default="max", help=SPEED_HELP)
    advance = commands.add_parser("advance", help="let time pass", epilog="example:\n  spo sim advance 1h30m")
    advance.add_argument("duration", help="90s, 10m, 1h30m, 2d")
    state = commands.add_parser("state", help="what time it is there", epilog="example:\n  spo sim state")
    save = commands.add_parser("save", help="keep the cluster", epilog="example:\n  spo sim save cluster.ndjson")
    save.add_argument("file", type=Path, metavar="FILE", help="written anew")
    for each in (advance, state, save):
        each.add_argument("--kubeconfig", metavar="FILE", help="default: KUBECONFIG, which `serve` says how to set")
    for name, each in commands.choices.items():
        each.description = DESCRIPTIONS[name]
        each.formatter_class = argparse.RawDescriptionHelpFormatter


def _moment(text: str) -> float:
    """Seconds since 1970."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-01-01T00:00:00Z") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def run(arguments: argparse.Namespace) -> int:
    """Do it. Gives 0, 1 (the served cluster is not there, or said no) or 2 (bad input)."""
    return COMMANDS[arguments.what](arguments)


def _serve(arguments: argparse.Namespace) -> int:
    try:
        from spo.cli import sim_serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "cryptography":
            raise
        print(f"spo: serving needs a library that is not here ({error.name}): {NEEDS}", file=sys.stderr)
        return BAD_INPUT
    return sim_serve.run(arguments)


def _ask(arguments: argparse.Namespace) -> int:
    from spo.cli import sim_ask
    from spo.sim.http.remote import BadConfig, RemoteRefused

    try:
        return sim_ask.run(arguments)
    except BadConfig as error:
        print(f"spo: {error}", file=sys.stderr)
        return BAD_INPUT
    except RemoteRefused as error:
        print(f"spo: {error}", file=sys.stderr)
        return NO


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": _serve,
    "load": _serve,
    "advance": _ask,
    "state": _ask,
    "save": _ask,
}
