"""API servers to measure, each in processes of its own: the simulator as a user starts it, and a real one beside it.

The client is as thin as can be: TLS sockets, HTTP by hand, nothing decoded. What it costs is measured, too.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import yaml
from measure import Found

ROOT = Path(__file__).parent.parent
ASSETS = "KUBEBUILDER_ASSETS"
SIMULATOR, REAL = "spo sim serve", "kube-apiserver + etcd"
UP_WITHIN_S = 30.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
HEAD_END, LAST_CHUNK = b"\r\n\r\n", b"0\r\n\r\n"


class Server:
    """One API server: how to reach it, and what its processes cost."""

    def __init__(self, name: str, kubeconfig: Path, processes: list[int]) -> None:
        self.name = name
        self._processes = processes
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        self._port = urlsplit(cluster["server"]).port
        self._token = document["users"][0]["user"]["token"]
        if "certificate-authority-data" in cluster:
            trusted = base64.b64decode(cluster["certificate-authority-data"]).decode()
            self._context = ssl.create_default_context(cadata=trusted)
        else:
            self._context = ssl._create_unverified_context()

    def connect(self) -> ssl.SSLSocket:
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(sock, server_hostname="localhost")

    def request(
        self, what: str, body: bytes = b"", kind: str = "application/json", accept: str = "application/json"
    ) -> bytes:
        """`what`: method and path."""
        head = f"{what} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\nAccept: {accept}\r\n"
        if body:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def cpu_s(self) -> float:
        """User and system, of all its processes."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self._processes]
        return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS_PER_S

    def memory_mib(self, what: str = "VmRSS") -> float:
        """`VmRSS`: now; `VmHWM`: at most."""
        return sum(_status_mib(pid, what) for pid in self._processes)


class Stopwatch:
    """Measures a `with` block: wall seconds, CPU seconds of a server and of ourselves, who are its client."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> Stopwatch:
        self._began, self._own, self._theirs = time.perf_counter(), time.process_time(), self._server.cpu_s()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.perf_counter() - self._began
        self.client_cpu_s = time.process_time() - self._own
        self.cpu_s = self._server.cpu_s() - self._theirs

    def found(self, count: int) -> Found:
        """Per second and per CPU second of the server, of so many of something."""
        return {
            "count": count,
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
            "client_cpu_s": self.client_cpu_s,
            "per_s": count / self.wall_s,
            "per_cpu_s": count / self.cpu_s,
        }


def whole(sock: ssl.SSLSocket) -> int:
    """Read one answer to its end; gives the length of its body."""
    data = b""
    while HEAD_END not in data:
        data += _received(sock, 1 << 16)
    head, _, rest = data.partition(HEAD_END)
    if not head.startswith(b"HTTP/1.1 2"):
        raise SystemExit(f"not what was asked for: {data[:600]!r}")
    got, tail = len(rest), rest[-len(LAST_CHUNK) :]
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while (got < int(lengths[0])) if lengths else (tail != LAST_CHUNK):
        piece = _received(sock, 1 << 20)
        got += len(piece)
        tail = (tail + piece)[-len(LAST_CHUNK) :]
    return got


def ask_all(server: Server, requests: Iterable[bytes], connections: int) -> Found:
    """So many connections, each with one request under way, until all are answered."""
    waiting, poll, count, size = iter(requests), selectors.DefaultSelector(), 0, 0
    sockets = [server.connect() for _ in range(connections)]
    with Stopwatch(server) as watch:
        for sock in sockets:
            _next(poll, sock, waiting)
        while poll.get_map():
            for key, _ in poll.select(60.0):
                sock = key.fileobj  # type: ignore[assignment]
                size += whole(sock)
                count += 1
                poll.unregister(sock)
                _next(poll, sock, waiting)
    for sock in sockets:
        sock.close()
    return {**watch.found(count), "bytes": size}


def _next(poll: selectors.BaseSelector, sock: ssl.SSLSocket, waiting: Iterator[bytes]) -> None:
    if (request := next(waiting, None)) is not None:
        poll.register(sock, selectors.EVENT_READ)
        sock.sendall(request)


def _received(sock: ssl.SSLSocket, most: int) -> bytes:
    piece = sock.recv(most)
    if not piece:
        raise SystemExit("the server ended the connection in the middle of an answer")
    return piece


@contextmanager
def simulator() -> Iterator[Server]:
    """`spo sim serve` with one node and without the operator; its time passes as ours does."""
    with TemporaryDirectory(prefix="spo-bench-") as scratch:
        kubeconfig = Path(scratch) / "kubeconfig"
        command = [sys.executable, "-m", "spo.cli.main", "sim", "serve", "--nodes", "1", "--without-operator"]
        command += ["--speed", "real", "--kubeconfig", str(kubeconfig)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + UP_WITHIN_S
            while not kubeconfig.exists():
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit("the simulator does not come up")
                time.sleep(0.05)
            yield Server(SIMULATOR, kubeconfig, [process.pid])
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def real() -> Iterator[Server | None]:
    """An API server and its etcd, without controllers; None, after a word about it, if there are no programs for it."""
    if not os.environ.get(ASSETS):
        print(f"the simulator alone: {ASSETS} names no directory with etcd and kube-apiserver", end="\n\n")
        yield None
        return
    sys.path[:0] = [str(ROOT / "tests" / "support")]
    from api_server import api_server

    with api_server() as kubeconfig:
        yield Server(REAL, kubeconfig, _children({"etcd", "kube-apiserver"}))


def _children(names: set[str]) -> list[int]:
    """Our own processes of these names."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:  # it has ended since
            continue
        if name in names and int(rest.split()[1]) == os.getpid():
            found.append(int(path.parent.name))
    return found


def _status_mib(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)
