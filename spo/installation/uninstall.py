"""Removing the operator from a cluster: what the command and the Helm chart's hook do, in this order."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from spo.installation.connect import add_options
from spo.installation.live import Live, names
from spo.installation.removal import Removal
from spo.installation.removal_nodes import clean_nodes
from spo.model.resource import DEPLOYMENTS, NAMESPACES
from spo.model.seccomp import profiles_directory
from spo.render.install import IMAGE
from spo.render.rbac import MANAGER

AGENT = "spo-uninstall"
PATIENCE_S = 60.0

Say = Callable[[str], None]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo uninstall`: those of the command, and of the pod in which the chart's hook runs it."""
    add_options(parser)
    parser.add_argument(
        "--keep-installation",
        action="store_true",
        help="stop the manager, delete what it made or looks after (profiles, spod, daemons, files on the nodes), but"
        " leave definitions, rights, Deployment and namespace to who installed them, as the Helm chart's hook does",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_S,
        metavar="SECONDS",
        help="how long a step may make no progress before it is done without the operator (default: %(default).0f)",
    )
    parser.add_argument(
        "--image", default="", help="what the pods that clean the nodes run (default: the installed operator's image)"
    )


def uninstall_from(live: Live, arguments: argparse.Namespace, say: Say, complain: Say) -> int:
    """What the options ask for, of this cluster. Gives 0, 1 (something is left, and was named) or 2 (bad options)."""
    namespace: str = arguments.namespace
    keep: bool = arguments.keep_installation
    if elsewhere := operators_elsewhere(live, namespace):
        complain(f"spo: the operator runs in {elsewhere}, not in {namespace}: name it with --namespace")
        return 2
    if keep and live.get(NAMESPACES, "", namespace) is None:
        complain(f"spo: there is no namespace {namespace}: no installation to keep")
        return 2
    removal = Removal(live, namespace, arguments.patience, say, keep_installation=keep)
    if arguments.dry_run:
        return dry_run(removal, say)
    return uninstall(removal, arguments.image, say)


def operators_elsewhere(live: Live, namespace: str) -> str:
    """The namespaces in which a manager runs, if none does where we were told; else nothing."""
    found = [each["metadata"] for each in live.list(DEPLOYMENTS, labels=f"app={MANAGER}")]
    places = sorted({each["namespace"] for each in found if each["name"] == MANAGER})
    return "" if namespace in places else " and ".join(places)


def dry_run(removal: Removal, say: Say) -> int:
    """Say what would be done, in its order."""
    plan = removal.plan()
    for line in plan or ["nothing of the operator is here"]:
        say(line)
    return 0


def uninstall(removal: Removal, image: str, say: Say) -> int:
    """Do it. 0: nothing is left; 1: something is, and was named."""
    if not removal.plan():
        say("nothing of the operator is here")
        return 0
    host = removal.host(image or IMAGE, given=bool(image))
    removal.delete_profiles()
    removal.stop_operator()
    removal.release()
    # Before the namespace, in which these pods live; after the daemons, which would write again.
    left = (
        clean_nodes(removal.live, removal.namespace, host, removal.patience_s, say) if removal.make_namespace() else []
    )
    held = removal.delete_objects()
    for line in left:
        say(f"files may be left below {profiles_directory(host.kubelet_dir)}: {line}")
    for each in held:
        say(f"not gone: {names([each])}: {each['why']}")
    if left or held:
        return 1
    say(removal.outcome)
    return 0
