"""Remove the operator from a cluster: profiles, files on the nodes, daemons, definitions, rights, namespace.

The operator takes its files away itself while it runs. Where it does not answer, or pods still use a profile after
`--patience`, its finalizers are removed for it. At the end a short pod on every node removes what is left there. Pods
that use a profile keep running; they cannot start again.

Every step may be cut off: the command can be run again, and goes on.
"""

from __future__ import annotations

import argparse
import sys

from spo.installation.connect import connected
from spo.installation.uninstall import AGENT, configure, uninstall_from

__all__ = ["configure", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Uninstall. Gives 0, 1 (something is left, and was named) or 2 (bad options)."""
    return connected(arguments, AGENT, lambda live: uninstall_from(live, arguments, print, _complain))


def _complain(why: str) -> None:
    print(why, file=sys.stderr)
