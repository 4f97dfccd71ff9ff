"""Write the operator's CustomResourceDefinitions, or check that a directory has them as they should be."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spo.installation.crds import texts
from spo.installation.files import FilesError, differences, write

DEFAULT = "deploy/crds"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo crds`."""
    parser.add_argument("directory", nargs="?", default=DEFAULT, metavar="DIR", help=f"where to (default: {DEFAULT})")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is missing or differs")


def run(arguments: argparse.Namespace) -> int:
    """Write or check. Gives 0, 1 (`--check` found a difference) or 2 (the directory cannot be read or written)."""
    directory = Path(arguments.directory)
    try:
        if arguments.check:
            return _report(differences(directory, texts()))
        for path in write(directory, texts()):
            print(path)
    except FilesError as why:
        print(f"spo: {why}", file=sys.stderr)
        return 2
    return 0


def _report(found: list[str]) -> int:
    for difference in found:
        print(difference)
    return 1 if found else 0
