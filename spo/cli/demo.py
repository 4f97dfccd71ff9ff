"""Watch the documentation's task on allowed syscalls: what a user types, and what comes of it in a cluster."""

from __future__ import annotations

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo demo`."""
    parser.add_argument("--seed", type=int, default=0, help="another seed, another history (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    """Play it. Gives 0, or 1 if something did not come true."""
    from spo.report.terminal import Progress, paint_for
    from spo.testbed.demo import play

    return play(arguments.seed, paint_for(sys.stdout), Progress())
