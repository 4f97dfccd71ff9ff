"""A simulated API server's two faces, for players of recordings: called in process, and as a client over HTTPS."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.server import ApiServer
from spo.sim.http.background import BackgroundServer
from spo.sim.http.certificates import Authority
from spo.sim.timeline import SECOND_NS, Timeline

PATIENCE_S = 20.0
ARRIVES_S = 0.01  # what was sent over the loopback device is there by then


class Face(Protocol):
    """Answers requests; its time passes when told. The lines of a watch are in its stream after each `wait`."""

    def send(self, *requests: Request) -> Sequence[Response]:
        """Ask all at once, as far as this face can."""
        ...

    def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        ...

    def compact(self, revision: int) -> None:
        """Drop the server's history up to there."""
        ...

    def restart(self) -> None:
        """End the server's process and begin a new one on the same storage."""
        ...

    def close(self) -> None: ...


class InProcess:
    """Implements `Face` by calling; several requests are one after the other: there is one thread."""

    def __init__(self, server: ApiServer, timeline: Timeline) -> None:
        self._server = server
        self._timeline = timeline

    def send(self, *requests: Request) -> Sequence[Response]:
        return [self._server.handle(request) for request in requests]

    def wait(self, seconds: float) -> None:
        self._timeline.run_until(self._timeline.now_ns + round(seconds * SECOND_NS))

    def compact(self, revision: int) -> None:
        self._server.store.compact(revision)

    def restart(self) -> None:
        self._server.restart()

    def close(self) -> None:
        pass


class OverHttps:
    """Implements `Face` as one client with a connection for what is short, and one for each watch.

    Speed `real`: a watch's `timeoutSeconds` are the API server's business then, and `wait` leaps over them.
    """

    def __init__(self, server: ApiServer, timeline: Timeline) -> None:
        cluster: Any = SimpleNamespace(api=server, timeline=timeline, store=server.store, trust=lambda authority: None)
        self._running = BackgroundServer(cluster, speed="real", authority=_authority())
        self._idle: list[_Connection] = []
        self._watching: list[_Connection] = []

    def send(self, *requests: Request) -> Sequence[Response]:
        connections = [self._idle.pop() if self._idle else self._connect() for _ in requests]
        for connection, request in zip(connections, requests, strict=True):
            connection.ask(request)
        responses = [
            connection.answer(request.method == "HEAD")
            for connection, request in zip(connections, requests, strict=True)
        ]
        self._watching += [each for each in connections if each.stream is not None]
        self._idle += [each for each in connections if each.is_free]
        return responses

    def wait(self, seconds: float) -> None:
        self._running.advance(seconds)
        while self._watching and (arrived := select.select(self._watching, (), (), ARRIVES_S)[0]):
            for connection in arrived:
                connection.read_on()
            self._idle += [each for each in arrived if each.is_free]
            self._watching = [each for each in self._watching if each.stream is not None]

    def compact(self, revision: int) -> None:
        self._running.call(lambda: self._running.cluster.store.compact(revision))

    def restart(self) -> None:
        self._running.call(self._running.cluster.api.restart)

    def close(self) -> None:
        for connection in (*self._idle, *self._watching):
            connection.close()
        self._running.close()

    def _connect(self) -> _Connection:
        return _Connection(self._running.port, _trusting())


class _Connection:
    """HTTP/1.1 by hand, so that a recorded request goes out as it was, and a watch is read as it comes."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._unread = b""
        self.stream: Stream | None = None
        self._is_last = False  # the server will say no more here

    @property
    def is_free(self) -> bool:
        """May be asked."""
        return self.stream is None and not self._is_last

    def ask(self, request: Request) -> None:
        query = "?" + urlencode(request.query) if request.query else ""
        headers = {"Host": "localhost", **request.headers}
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(request.body))
        lines = [f"{request.method} {quote(request.path)}{query} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + request.body)

    def answer(self, only_head: bool) -> Response:
        head = self._until(b"\r\n\r\n").decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        known = dict(headers)
        self._is_last = known.get("Connection") == "close"
        if known.get("Transfer-Encoding") == "chunked":
            self.stream = stream = Stream()
            self.read_on()
            return Response(int(first.split()[1]), headers, stream=stream)
        length = 0 if only_head else int(known.get("Content-Length", "0"))
        while len(self._unread) < length:
            self._receive()
        body, self._unread = self._unread[:length], self._unread[length:]
        return Response(int(first.split()[1]), headers, body)

    def read_on(self) -> None:
        """Take what has come of a watch; at its end `stream` is None."""
        self._socket.setblocking(False)
        try:
            while self.stream is not None:
                self._take_chunks(self.stream)
                if self.stream is not None:
                    self._receive()
        except ssl.SSLWantReadError:
            pass
        finally:
            self._socket.settimeout(PATIENCE_S)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def _take_chunks(self, stream: Stream) -> None:
        while True:
            size, end, rest = self._unread.partition(b"\r\n")
            if not end or len(rest) < int(size, 16) + 2:
                return
            lines, self._unread = rest[: int(size, 16)], rest[int(size, 16) + 2 :]
            if not lines:
                stream.close()
                self.stream = None
                return
            stream.lines.extend(lines.splitlines(keepends=True))

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._receive()
        head, _, self._unread = self._unread.partition(mark)
        return head + mark

    def _receive(self) -> None:
        piece = self._socket.recv(1 << 16)
        if not piece:
            raise ConnectionError("the server ended the connection in the middle of an answer")
        self._unread += piece


@cache
def _authority() -> Authority:
    return Authority()


@cache
def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=_authority().certificate)
