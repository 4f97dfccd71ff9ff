"""What the commands for a live cluster share: their options, the connection, and how its failures are told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from spo.doors.ports import Unavailable
from spo.installation.live import Live, RequestRefused, WallTime
from spo.render.install import NAMESPACE
from spo.report.exit_codes import BAD_INPUT, FAILED, NO


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--kubeconfig`, `--namespace` and `--dry-run`."""
    parser.add_argument(
        "--kubeconfig",
        metavar="FILE",
        help="default: in a pod its ServiceAccount, else KUBECONFIG, else ~/.kube/config",
    )
    parser.add_argument("--namespace", default=NAMESPACE, help=f"the operator's namespace (default: {NAMESPACE})")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def connected(arguments: argparse.Namespace, manager: str, do: Callable[[Live], int]) -> int:
    """Do something with the cluster. Its exit code: 1 if the server refused, 2 without a cluster, 3 if it is silent."""
    try:  # what only a live cluster needs is imported only here
        from spo.real.credentials import BadConfig
        from spo.real.transport import Transport
    except ImportError as error:
        what = "pip install 'security-profiles-operator[real]'"
        return _refuse(f"a live cluster needs a library that is not here ({error.name}): {what}", BAD_INPUT)
    try:
        return do(Live(Transport(arguments.kubeconfig, agent=manager).send, manager, WallTime()))
    except BadConfig as error:
        return _refuse(str(error), BAD_INPUT)
    except RequestRefused as error:
        return _refuse(str(error), NO)
    except Unavailable as error:
        return _refuse(f"the API server does not answer: {error}. Run the command again when it does.", FAILED)


def _refuse(why: str, code: int) -> int:
    print(f"spo: {why}", file=sys.stderr)
    return code
