"""What `spo manager` and `spo daemon` share: a role at work in a real process, until it is told to stop."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from typing import TYPE_CHECKING

from spo.doors.ports import ProfileDirectory
from spo.loop import Loop
from spo.model.seccomp import profiles_directory
from spo.observe.counters import Counters
from spo.observe.observer import Observer
from spo.render.health import PORT
from spo.roles import ROLES, settings_from

if TYPE_CHECKING:
    from spo.real.process import Log, Runner
    from spo.real.transport import Transport

STARTED, BAD_INPUT = 0, 2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="default: the pod's ServiceAccount, else KUBECONFIG, else ~/.kube/config"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, help="serves /livez, /readyz and /metrics (default: %(default)s)"
    )


def run(role_name: str, arguments: argparse.Namespace, needs: tuple[str, str]) -> int:
    """Run the role until SIGTERM. 2: a needed variable, the cluster's configuration or the port is not usable."""
    variable, remedy = needs
    if not os.environ.get(variable):
        return _refuse(role_name, f"{variable} is not set: {remedy}")
    # What only a real process needs is imported only here: `spo --help` and the simulator stay light.
    from spo.real.credentials import BadConfig
    from spo.real.transport import Transport

    try:
        transport = Transport(arguments.kubeconfig, agent=f"spo-{role_name}")
    except BadConfig as error:
        return _refuse(role_name, str(error))
    from spo.real.process import Runner, log_to, serve_health

    log, counters = log_to(), Counters()
    runner = Runner(log)
    try:
        health = serve_health(runner.health, counters.lines, arguments.port)
    except (OSError, OverflowError) as error:  # taken, or no port at all
        return _refuse(role_name, f"--port {arguments.port}: {error}")
    _work(role_name, transport, runner, log, counters)
    health.shutdown()
    health.server_close()
    return STARTED


def _work(role_name: str, transport: Transport, runner: Runner, log: Log, counters: Counters) -> None:
    from spo.real.cluster import RealCluster
    from spo.real.process import SystemClock
    from spo.real.profile_directory import RealProfileDirectory

    settings = settings_from(os.environ, socket.gethostname())
    role = ROLES[role_name](settings)
    clock = SystemClock()

    def trouble(text: str) -> None:
        log({"level": "warning", "message": text})

    def bug(text: str) -> None:
        log({"level": "error", "message": f"this is a bug of the operator, please report it: {text}"})

    cluster = RealCluster(transport, f"spo-{role_name}", runner.wake, trouble, counters.traffic)
    has_directory = ProfileDirectory in role.node_doors
    directory = RealProfileDirectory(profiles_directory(settings.kubelet_dir), clock) if has_directory else None
    observer = Observer(f"spo-{role_name}", settings.node or settings.identity, log, counters, bug)
    loop = Loop(role, cluster, directory, clock, observer)
    runner.stop_on_signals()
    log({"level": "info", "message": f"{role_name} started", "namespace": settings.namespace, "node": settings.node})
    runner.run(loop, lambda: loop.cache.knows(role.knows_enough))
    loop.leave()
    cluster.close()


def _refuse(role_name: str, why: str) -> int:
    print(f"spo {role_name}: {why}", file=sys.stderr)
    return BAD_INPUT
