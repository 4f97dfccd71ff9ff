"""The operator's daemon: puts profiles on this node's disk. One runs on every node, as root without capabilities.

Environment: NODE_NAME (whose disk this is; needed), OPERATOR_NAMESPACE, POD_NAME, KUBELET_DIR (the kubelet's own
directory).
"""

from __future__ import annotations

import argparse

from spo import run_role


def configure(parser: argparse.ArgumentParser) -> None:
    run_role.configure(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM: 0. 2: the configuration is wrong."""
    return run_role.run("daemon", arguments, needs=("NODE_NAME", "name the node whose disk this is"))
