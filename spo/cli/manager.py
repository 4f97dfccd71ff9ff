"""The operator's manager: decides for the whole cluster. Several may run; one leads.

It renders the daemon set from spod, and holds, explains and aggregates every profile over all nodes.
Environment: OPERATOR_IMAGE (what the daemons run; needed), OPERATOR_NAMESPACE, POD_NAME (who we are, for leader
election), KUBELET_DIR (the kubelet's directory on every node).
"""

from __future__ import annotations

import argparse

from spo import run_role


def configure(parser: argparse.ArgumentParser) -> None:
    run_role.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM: 0. 2: the configuration is wrong."""
    return run_role.run("manager", arguments, needs=("OPERATOR_IMAGE", "name the image that the daemons are to run"))
