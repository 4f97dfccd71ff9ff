"""Print what installs the operator into a namespace, or write it as files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spo.installation.files import FilesError, differences, in_yaml, write
from spo.installation.manifest_files import texts
from spo.render.install import IMAGE, NAMESPACE, manifests


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo manifests`."""
    parser.add_argument("--namespace", default=NAMESPACE, help=f"the operator's namespace (default: {NAMESPACE})")
    parser.add_argument("--image", default=IMAGE, help=f"the operator's image (default: {IMAGE})")
    parser.add_argument("--into", metavar="DIR", help="write files into this directory (default: print one stream)")
    parser.add_argument("--check", action="store_true", help="with --into: write nothing; exit 1 if a file differs")


def run(arguments: argparse.Namespace) -> int:
    """Print, write or check. Gives 0, 1 (`--check` found a difference) or 2 (bad options, or no such directory)."""
    if arguments.into is None:
        if arguments.check:
            print("spo: --check needs --into DIR, the directory to look at", file=sys.stderr)
            return 2
        print(in_yaml(manifests(arguments.namespace, arguments.image)), end="")
        return 0
    directory, wanted = Path(arguments.into), texts(arguments.namespace, arguments.image)
    try:
        lines = differences(directory, wanted) if arguments.check else [str(path) for path in write(directory, wanted)]
    except FilesError as why:
        print(f"spo: {why}", file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    return 1 if arguments.check and lines else 0
