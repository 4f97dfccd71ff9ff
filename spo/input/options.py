"""What options of several commands take: numbers, counts and times, each refused with what it should be."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

NODES = 3  # of a simulated cluster, if neither the command line nor the input says otherwise
RELEASE = re.compile(r"\d+\.\d+(\.\d+)?([-+].+)?\Z")
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


class _InParts(argparse.Action):
    """Files, in parts: `-f a -f b --then -f c` is [[a, b], [c]]."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,
    ) -> None:
        parts: list[list[str]] = getattr(namespace, self.dest) or [[]]
        if self.nargs != 0:
            parts[-1].append(str(values))
        elif parts[-1]:
            parts.append([])
        else:
            parser.error("--then comes between two -f: what is there first, and what follows once all has settled")
        setattr(namespace, self.dest, parts)


def add_files(parser: argparse.ArgumentParser) -> None:
    """`-f`, and `--then` between the files that are applied first and those that follow; gives `parts`."""
    parser.add_argument(
        "-f",
        "--filename",
        dest="parts",
        action=_InParts,
        required=True,
        metavar="FILE|DIR",
        help="manifests; may be given often",
    )
    parser.add_argument(
        "--then", dest="parts", action=_InParts, nargs=0, help="what follows is applied once all before it has settled"
    )


def add_nodes(parser: argparse.ArgumentParser, none: bool = False) -> None:
    """`--nodes`, of a command that simulates a cluster; `none`: there may be no node at all."""
    text = (
        f"at least so many, a dump's own counted{'; 0: no node at all' if none else ''} (default: those, else {NODES})"
    )
    parser.add_argument("--nodes", type=number if none else count, metavar="N", help=text)


def release(text: str) -> str:
    """The number of a release: `1.2`, `1.1.5`, `1.2.0-rc.1`."""
    if RELEASE.match(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a release like 1.1.5")
    return text


def duration(text: str) -> float:
    """Seconds of `90`, `90s`, `10m`, `1h30m`."""
    match = DURATION.match(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 90s, 10m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600.0 + minutes * 60.0 + seconds
