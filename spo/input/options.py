"""What options of several commands take: numbers, counts and times, each refused with what it should be."""

from __future__ import annotations

import argparse
import re

NODES = 3  # of a simulated cluster, if neither the command line nor the input says otherwise
DURATION = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?\Z")


def number(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def count(text: str) -> int:
    """A whole number, 1 or more."""
    found = number(text)
    if found == 0:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return found


def add_nodes(parser: argparse.ArgumentParser, none: bool = False) -> None:
    """`--nodes`, of a command that simulates a cluster; `none`: there may be no node at all."""
    text = (
        f"at least so many, a dump's own counted{'; 0: no node at all' if none else ''} (default: those, else {NODES})"
    )
    parser.add_argument("--nodes", type=number if none else count, metavar="N", help=text)


def duration(text: str) -> float:
    """Seconds of `90`, `90s`, `10m`, `1h30m`."""
    match = DURATION.match(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 90s, 10m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600.0 + minutes * 60.0 + seconds
