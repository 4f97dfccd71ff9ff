"""The simulated cluster over HTTPS: requests, lists, 1,000 watchers, memory; server and client are two processes.

The client is as thin as can be (raw TLS sockets, nothing decoded): on two idle cores it does not slow the server down.
On a busy machine the server's own CPU seconds are what can be compared.
"""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec
from measure import MIB, Figure, Found, alone, main
from pods import realistic_pods

from spo.sim.cluster import SimulatedCluster
from spo.sim.http.running import Running

PODS = 15_500  # of the cluster in the documentation's memory figures
WATCHERS = 1000
AT_ONCE = 100
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
HEAD = b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin-token\r\n"
MAPS = b"/api/v1/namespaces/default/configmaps"


class Server:
    """Another process that serves a cluster."""

    def __init__(self, pid: int, port: int, certificate: str) -> None:
        self._pid = pid
        self._port = port
        self._context = ssl.create_default_context(cadata=certificate)

    def connect(self) -> ssl.SSLSocket:
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(sock, server_hostname="localhost")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def memory_mib(self, what: str) -> float:
        """`VmRSS`: now; `VmHWM`: at most."""
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
        raise LookupError(what)


@contextmanager
def served(pods: int) -> Iterator[Server]:
    """A cluster with so many realistic pods, behind HTTPS in a child process, until the block ends."""
    told, tell = os.pipe()
    ends, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end)
        cluster = SimulatedCluster(nodes=0)
        cluster.run(5)
        waiting = realistic_pods(pods)
        while some := list(islice(waiting, AT_ONCE)):  # all at once, they would be the peak
            cluster.load(some)
        running = Running(cluster, speed="manual")
        os.write(tell, msgspec.json.encode([running.port, running.authority.certificate]))
        os.close(tell)
        os.read(ends, 1)
        os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as told_file:
        port, certificate = msgspec.json.decode(told_file.read())
    try:
        yield Server(pid, port, certificate)
    finally:
        os.close(end)
        os.waitpid(pid, 0)


def whole(sock: ssl.SSLSocket) -> int:
    """Read one answer to its end; gives its length in bytes."""
    data = sock.recv(1 << 16)
    head, _, rest = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 2"), head
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
    got = len(rest)
    while got < length:
        got += len(sock.recv(1 << 20))
    return length


def asking(path: str, connections: int, lasts_s: float, pods: int) -> Found:
    """So many connections, each with one request under way."""
    request = b"GET " + path.encode() + HEAD + b"\r\n"
    with served(pods) as server:
        poll = selectors.DefaultSelector()
        for _ in range(connections):
            sock = server.connect()
            poll.register(sock, selectors.EVENT_READ)
            sock.sendall(request)
        before, began, answers = server.cpu_s(), time.perf_counter(), 0
        while (took_s := time.perf_counter() - began) < lasts_s:
            for key, _ in poll.select(1.0):
                sock = key.fileobj  # type: ignore[assignment]
                whole(sock)
                answers += 1
                sock.sendall(request)
        cpu_s = server.cpu_s() - before
    return {"per_s": answers / took_s, "server_us": cpu_s / answers * 1e6}


def listing(pods: int) -> Found:
    """One list of all pods, twice: the first one finds cold objects."""
    with served(pods) as server, server.connect() as sock:
        before_mib = server.memory_mib("VmRSS")
        found: Found = {}
        for name in ("first", "again"):
            before_s, began = server.cpu_s(), time.perf_counter()
            sock.sendall(b"GET /api/v1/pods" + HEAD + b"\r\n")
            size = whole(sock)
            found[f"{name}_s"] = time.perf_counter() - began
            found[f"{name}_cpu_s"] = server.cpu_s() - before_s
        peak_mib = server.memory_mib("VmHWM")
    return {**found, "list_mib": size / MIB, "server_mib": before_mib, "peak_mib": peak_mib}


def telling(watchers: int, changes: int) -> Found:
    """Changes of one object told to so many watchers, as fast as they hear of them; then one change alone."""
    with served(0) as server, server.connect() as writer:
        body = b'{"metadata":{"name":"one"},"data":{"text":"%b"}}' % (b"x" * 700)
        post(writer, b"POST " + MAPS, b"application/json", body)
        before_mib = server.memory_mib("VmRSS")
        poll = selectors.DefaultSelector()
        for _ in range(watchers):
            sock = server.connect()
            sock.sendall(b"GET " + MAPS + b"?watch=1&fieldSelector=metadata.name%3Done" + HEAD + b"\r\n")
            poll.register(sock, selectors.EVENT_READ)
        heard(poll, watchers)  # the object as it is
        held_mib = server.memory_mib("VmRSS") - before_mib
        before, began = server.cpu_s(), time.perf_counter()
        for number in range(changes):
            change(writer, number)
            if number % 5 == 4:
                heard(poll, watchers * 5)
        took_s, cpu_s = time.perf_counter() - began, server.cpu_s() - before
        began = time.perf_counter()
        change(writer, changes)
        heard(poll, watchers)
        last_s = time.perf_counter() - began
    lines = watchers * changes
    return {
        "per_s": lines / took_s,
        "per_cpu_s": lines / cpu_s,
        "server_us": cpu_s / lines * 1e6,
        "last_ms": last_s * 1000,
        "watcher_kib": held_mib * 1024 / watchers,
    }


def heard(poll: selectors.BaseSelector, lines: int) -> None:
    """Read until so many lines have come, over all watches."""
    while lines > 0:
        for key, _ in poll.select(10.0):
            lines -= key.fileobj.recv(1 << 16).count(b"}\n")  # type: ignore[union-attr]


def change(writer: ssl.SSLSocket, number: int) -> None:
    patch = b'{"metadata":{"labels":{"round":"%d"}}}' % number
    post(writer, b"PATCH " + MAPS + b"/one", b"application/merge-patch+json", patch)


def post(sock: ssl.SSLSocket, what: bytes, kind: bytes, body: bytes) -> None:
    sock.sendall(what + HEAD + b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(body), body))
    whole(sock)


def report() -> tuple[list[Figure], Found]:
    pod = next(iter(realistic_pods(1)))["metadata"]
    getting = alone(asking, path=PODS_OF.format(**pod), connections=16, lasts_s=3.0, pods=100)
    paging = alone(asking, path="/api/v1/pods?limit=500", connections=4, lasts_s=3.0, pods=500)
    listed = alone(listing, pods=PODS)
    told = alone(telling, watchers=WATCHERS, changes=100)
    figures = [
        Figure("GET of a pod over HTTPS, 16 connections", getting["per_s"], "1/s"),
        Figure("the same, in a CPU second of the server", 1e6 / getting["server_us"], "1/CPU s"),
        Figure("pages of 500 pods over HTTPS, in a CPU second", 1e6 / paging["server_us"], "1/CPU s"),
        Figure(f"list of {PODS:,} pods over HTTPS, CPU of the server", listed["again_cpu_s"], "s"),
        Figure("server's peak with that list", listed["peak_mib"], "MiB"),
        Figure(f"watch lines to {WATCHERS:,} watchers over HTTPS", told["per_s"], "1/s"),
        Figure("the same, in a CPU second of the server", told["per_cpu_s"], "1/CPU s"),
        Figure(f"until the last of {WATCHERS:,} has heard of a change", told["last_ms"], "ms"),
        Figure("memory of a watcher", told["watcher_kib"], "KiB"),
    ]
    return figures, {"getting": getting, "paging": paging, "listing": listed, "telling": told}


PODS_OF = "/api/v1/namespaces/{namespace}/pods/{name}"

if __name__ == "__main__":
    main("http", report, asking, listing, telling)
