"""A role as a real process: ticks when there is news or a wish is due, answers health checks, ends in good order."""

from __future__ import annotations

import os
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any

from msgspec import Struct

from spo.doors.process import Process
from spo.model.loglines import as_text

LONGEST_WAIT_S = 1.0  # between two breaths; the disk is looked at on time, however quiet the cluster is
STUCK_S = 60.0  # a breath that takes longer is the end of the process: /livez says no
CLIENT_S = 10.0  # who connects and asks nothing is not waited for

Log = Callable[[dict[str, Any]], None]


def _up_s() -> float:
    """Seconds since the machine started, asleep or not: nobody can set them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


_BOOTED_AT = time.time() - _up_s()


def steady_time() -> float:
    """The time of day as it was at our start, and steady from there.

    Whoever sets the machine's clock must not make a lease look old that is not: there would be two leaders.
    """
    return _BOOTED_AT + _up_s()


class SystemClock:
    """Implements `spo.doors.ports.Clock`."""

    def now(self) -> float:
        return steady_time()


def log_to(stream: Any = sys.stdout) -> Log:
    """One JSON object a line, with the time first."""
    lock = threading.Lock()

    def log(line: dict[str, Any]) -> None:
        text = as_text(time.time(), line)
        with lock:
            print(text, file=stream, flush=True)

    return log


class Health(Struct):
    """What /livez and /readyz answer from: when the last breath ended (monotonic seconds), and whether all is known."""

    breathed: float
    knows_enough: bool = False

    @property
    def lives(self) -> bool:
        return time.monotonic() - self.breathed < STUCK_S


class Runner:
    """Runs one process until it is told to stop."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._news = threading.Event()
        self._stop = threading.Event()
        self.health = Health(time.monotonic())

    def wake(self) -> None:
        """There is news. May be called from any thread."""
        self._news.set()

    def stop(self, *_: int | FrameType | None) -> None:
        """End after this breath. A signal handler, too."""
        self._stop.set()
        self._news.set()

    def stop_on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def run(self, process: Process, is_ready: Callable[[], bool]) -> None:
        """Breathe until stopped. An exception of ours ends the process: the kubelet starts a fresh one."""
        while not self._stop.is_set():
            self._news.clear()
            wish = process.tick()
            self.health.breathed = time.monotonic()
            self.health.knows_enough = is_ready()
            wait_s = LONGEST_WAIT_S if wish is None else min(max(wish - steady_time(), 0.0), LONGEST_WAIT_S)
            self._news.wait(wait_s)
        self._log({"level": "info", "message": "stopped"})


class _Server(ThreadingHTTPServer):
    """Listens on IPv6 and IPv4, and asks no name server who we are."""

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        socketserver.TCPServer.server_bind(self)


def serve_health(health: Health, metrics: Callable[[], list[str]], port: int, host: str = "") -> ThreadingHTTPServer:
    """Serve /livez, /readyz and /metrics on a plain port, from a thread of its own. Raises OSError if it is taken."""

    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_S

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/livez" | "/healthz":
                    self._answer(200 if health.lives else 500, "ok" if health.lives else "stuck")
                case "/readyz":
                    good = health.lives and health.knows_enough
                    self._answer(200 if good else 503, "ok" if good else "waiting for the first full lists")
                case "/metrics":
                    self._answer(200, "\n".join([*metrics(), *_of_the_process(), ""]))
                case _:
                    self._answer(404, "not found: try /livez, /readyz or /metrics")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
            """Probes are not worth a line each."""

    server = _Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def _of_the_process() -> list[str]:
    """Memory and CPU time under the names that every Prometheus client library uses."""
    with open("/proc/self/statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return [f"process_resident_memory_bytes {resident}", f"process_cpu_seconds_total {time.process_time():g}"]
