"""`spo sim serve` and `spo sim load`: make the cluster, serve it, say what to do, until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from spo.input.load import BadInput
from spo.report.exit_codes import BAD_INPUT, NO
from spo.report.terminal import Paint, Progress, paint_for
from spo.sim.http.certificates import Authority
from spo.sim.http.kubeconfig import BY_CERTIFICATE, NotOurs, check_ours, kubeconfig, write
from spo.sim.http.server import HttpServer
from spo.sim.http.snapshot import BadSnapshot
from spo.sim.http.time_control import Speed
from spo.testbed.serving import Wanted, loaded, made
from spo.testbed.world import SimulatedWorld

HEAD_START_S = 3600
BOOT_S_MAX = 600  # as much simulated time as the start may take, so that no clock there is ahead of ours

SPEED_TOLD = {
    "max": "runs ahead until the cluster rests, then stands",
    "real": "passes as yours does",
    "manual": "stands until you say `spo sim advance 5m`",
}


def run(arguments: argparse.Namespace) -> int:
    """Serve. Gives 0 once told to stop, 1 if it cannot listen, 2 for bad input."""
    progress = Progress()
    try:
        host, port = _address(arguments.listen)
        if arguments.kubeconfig is not None:
            check_ours(arguments.kubeconfig)
        world = _made(arguments, progress)
    except (BadInput, BadSnapshot, NotOurs, OSError, ValueError) as error:
        progress.done()
        for text in _told(error, arguments):
            print(f"spo: {text}", file=sys.stderr)
        return BAD_INPUT
    progress.done()
    scratch = Path(tempfile.mkdtemp(prefix="spo-sim-"))
    try:
        path = arguments.kubeconfig or scratch / "kubeconfig"
        asyncio.run(_serve(world, arguments.speed, host, port, path))
    except OSError as error:
        print(f"spo: --listen {arguments.listen}: {error.strerror or error}", file=sys.stderr)
        return NO
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


def _made(arguments: argparse.Namespace, progress: Progress) -> SimulatedWorld:
    """The cluster that was asked for. Raises BadInput, BadSnapshot, OSError."""
    if arguments.what == "load":
        return loaded(arguments.file)
    wanted = Wanted(
        arguments.filename,
        arguments.nodes,
        arguments.pods,
        arguments.seed,
        not arguments.without_operator,
        _start_of(arguments),
    )
    world, notes = made(wanted, progress)
    if arguments.speed == "real" and arguments.start is None:
        world.cluster.run(max(0.0, time.time() - world.cluster.timeline.now))
    progress.done()
    for note in notes:
        print(f"spo: {note}", file=sys.stderr)
    return world


def _start_of(arguments: argparse.Namespace) -> float:
    """When it begins: an hour ago, so that what is done ahead is not in the future; a little while ago, if it keeps our
    time: what begins later than now is no good to its reader.
    """
    if arguments.start is not None:
        return float(arguments.start)
    return float(int(time.time()) - (BOOT_S_MAX if arguments.speed == "real" else HEAD_START_S))


async def _serve(world: SimulatedWorld, speed: Speed, host: str, port: int, path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # each watch is a socket
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # its terminal is closed, and nobody said `nohup`
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    authority = Authority()
    server = HttpServer(world.cluster, speed=speed, history=world.history)
    try:
        port = await server.listen(host, port, authority.context([host]))
        url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        write(path, kubeconfig(url, authority))
        print(_welcome(world, url, path, speed, paint_for(sys.stdout)), flush=True)
        await stop.wait()
    finally:
        await server.close()


def _welcome(world: SimulatedWorld, url: str, path: Path, speed: str, paint: Paint) -> str:
    nodes, pods = len(world.cluster.nodes), world.cluster.store.count("pods")
    return "\n".join(
        (
            paint(f"{nodes} simulated node{'s' * (nodes != 1)}, {pods:,} pods, at {url}", "bold"),
            f"time {SPEED_TOLD[speed]}; it is {world.cluster.timeline.stamp()} there",
            "",
            f"  export KUBECONFIG={path}",
            "  kubectl get pods --all-namespaces",
            f"  kubectl --context {BY_CERTIFICATE} auth whoami     # a client certificate instead of a token",
            "  spo sim advance 5m",
            "",
            "Ctrl-C ends it; `spo sim save FILE` keeps it.",
        )
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"--listen {text}: this is not HOST:PORT")
    return host.strip("[]") or "0.0.0.0", int(port)


def _told(error: Exception, arguments: argparse.Namespace) -> list[str]:
    match error:
        case BadInput():
            return [str(problem) for problem in error.problems]
        case BadSnapshot():
            return [f"{arguments.file}: {error}"]
        case NotOurs():
            return [f"{error}: this kubeconfig knows other clusters and is left alone: name another file"]
        case OSError():
            return [f"{error.filename}: {error.strerror}"]
    return [str(error)]
