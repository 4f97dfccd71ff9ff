"""Install the operator into a cluster, or bring an installed one to this version, and watch it come up.

Applies what `spo manifests` prints (server-side apply), then waits until the manager and every daemon run this image,
spod is RUNNING and the shipped profiles are Installed.
"""

from __future__ import annotations

import argparse
import sys

from spo.installation.connect import add_options, connected
from spo.installation.install import WAIT_S, dry_run, install, trouble, watch
from spo.installation.live import Live
from spo.render.install import IMAGE, manifests


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo install`."""
    add_options(parser)
    parser.add_argument("--image", default=IMAGE, help=f"the operator's image (default: {IMAGE})")
    parser.add_argument(
        "--wait", type=float, default=WAIT_S, metavar="SECONDS", help="how long it may take (default: %(default).0f)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Install and wait. Gives 0, 1 (refused, or not up in time) or 2 (bad options)."""

    def do(live: Live) -> int:
        if arguments.dry_run:
            return dry_run(live, manifests(arguments.namespace, arguments.image), print)
        install(live, manifests(arguments.namespace, arguments.image), print)
        if watch(live, arguments.namespace, arguments.image, arguments.wait, print):
            return 0
        for line in trouble(live, arguments.namespace):
            print(f"  {line}", file=sys.stderr)
        print(f"spo: the operator did not come up in {arguments.wait:.0f} s; see above", file=sys.stderr)
        return 1

    return connected(arguments, "spo-install", do)
