"""One client's connection: requests in, answers out in the same order, a watch as chunks for as long as it lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Protocol, cast

from msgspec import Struct

from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.status import NoAnswer
from spo.sim.http.parser import BadRequest, Incoming, Parser

PIECE_BYTES = 256 << 10  # of a long body or a watch, handed to the socket at once
AHEAD_BYTES = 1 << 20  # that a client may send before it has its answer
WEIGHED_EACH = 64  # lines: how often it is asked how long the unread ones are together
LINGER_S = 1.0  # a client that still sends gets this long to read why we stopped reading (RFC 9112, 9.6)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)

PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Limits(Struct, frozen=True):
    """How much clients may ask of the process."""

    connections: int = 20_000
    watches: int = 15_000
    lines_behind: int = 10_000  # of a watch, unread; then it is ended
    bytes_behind: int = 64 << 20  # the same, of lines that are long
    idle_s: float = 90.0  # a connection on which nothing goes on (kube-apiserver: IdleTimeout)


class Shared(Protocol):
    """What all connections have in common: see `spo.sim.http.server.HttpServer`."""

    loop: asyncio.AbstractEventLoop
    limits: Limits

    def enter(self, connection: Connection) -> bool: ...
    def leave(self, connection: Connection) -> None: ...
    def answer(self, request: Request, certificate: Any = None) -> Response | asyncio.Future[Response]:
        """Raises NoAnswer."""

    def begin_watch(self, stream: Stream, request: Request) -> asyncio.TimerHandle | None: ...
    def end_watch(self, alarm: asyncio.TimerHandle | None) -> None: ...
    def common_headers(self) -> tuple[tuple[str, str], ...]: ...


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one client. One answer at a time: the next request waits until this one's is out."""

    def __init__(self, server: Shared) -> None:
        self._server = server
        self._parser = Parser()
        self._transport: asyncio.Transport = cast(Any, None)
        self._certificate: Any = None
        self._paused = False  # the socket has enough to do
        self._sending: Iterator[bytes] | None = None  # the answer under way
        self._later: asyncio.Future[Response] | None = None  # an answer that takes time
        self._watch: Watch | None = None
        self._reading = True
        self._closing = False
        self.active_s = 0.0  # when something last went on here, by the loop's clock

    @property
    def is_waiting(self) -> bool:
        """For the cluster, not for its client: a watch, or an answer for which time must pass first."""
        return self._later is not None or (self._watch is not None and not self._watch.is_over)

    # -- what asyncio calls --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._certificate = transport.get_extra_info("peercert")
        self.active_s = self._server.loop.time()
        if not self._server.enter(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return  # what is still on its way after our last word
        self._parser.feed(data)
        self._serve()
        if self._parser.waiting_bytes > AHEAD_BYTES and not self._is_free():
            self._reading = False
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._sending = None
        if self._later is not None:
            self._later.cancel()
        self._end_watch()
        self._server.leave(self)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.active_s = self._server.loop.time()
        self._send()

    # -- requests ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """No more from here; what was said is still sent."""
        self._closing = True
        self._end_watch()
        if not self._transport.is_closing():
            self._transport.close()

    def abort(self) -> None:
        """Gone, at once."""
        self._transport.abort()

    def _serve(self) -> None:
        """Answer what is there, until an answer takes its time."""
        while self._is_free():
            try:
                incoming = self._parser.next()
            except BadRequest as refused:
                self._refuse(refused)
                return
            if incoming is None:
                if not self._reading:
                    self._reading = True
                    self._transport.resume_reading()
                if self._parser.wants_continue:
                    self._parser.wants_continue = False
                    self._transport.write(CONTINUE)
                return
            self._answer(incoming)

    def _is_free(self) -> bool:
        return self._sending is None and self._later is None and not self._closing

    def _answer(self, incoming: Incoming) -> None:
        self.active_s = self._server.loop.time()
        try:
            found = self._server.answer(incoming.request, self._certificate)
        except NoAnswer:
            self._closing = True
            self.abort()
            return
        if isinstance(found, Response):
            self._begin(incoming, found)
            return
        self._later = found
        found.add_done_callback(lambda done: self._after_all(incoming, done))

    def _after_all(self, incoming: Incoming, done: asyncio.Future[Response]) -> None:
        self._later = None
        if self._closing or done.cancelled():
            self.close()
            return
        self._begin(incoming, done.result())
        self._serve()

    def _refuse(self, refused: BadRequest) -> None:
        text = f"{refused.status} {PHRASES[refused.status]}: {refused.why}".encode()
        headers = (("Content-Type", "text/plain; charset=utf-8"),)
        self._begin(Incoming(Request("", ""), keep_alive=False), Response(refused.status, headers, text))

    # -- answers -------------------------------------------------------------------------------------------------

    def _begin(self, incoming: Incoming, response: Response) -> None:
        only_head = incoming.request.method == "HEAD"
        stream, body = response.stream, b"" if only_head else response.body
        keep_alive = incoming.keep_alive and (stream is None or incoming.chunks)
        head = bytearray(b"HTTP/1.1 %d %b\r\n" % (response.status, PHRASES.get(response.status, "").encode()))
        for name, value in (*self._server.common_headers(), *response.headers):
            head += f"{name}: {value}\r\n".encode()
        if stream is not None:
            head += b"Transfer-Encoding: chunked\r\n" if incoming.chunks else b""
        elif response.status not in NO_BODY:
            head += b"Content-Length: %d\r\n" % len(response.body)
        head += b"\r\n" if keep_alive else b"Connection: close\r\n\r\n"
        if stream is not None and only_head:
            stream.close()
        elif stream is not None:
            self._watch = Watch(stream, self._server, incoming.request, self._send)
        if len(body) <= PIECE_BYTES and self._watch is None:  # nearly every answer: one write
            self._transport.write(bytes(head) + body)
            if not keep_alive:
                self._finish(incoming.cut)
            return
        self._transport.write(bytes(head))
        pieces = _pieces(body) if self._watch is None else self._watch.pieces(incoming.chunks)
        self._sending = self._whole(pieces, keep_alive, incoming.cut)
        self._send()

    def _whole(self, pieces: Iterator[bytes], keep_alive: bool, linger: bool) -> Iterator[bytes]:
        yield from pieces
        self._end_watch()
        if not keep_alive:
            self._finish(linger)

    def _send(self) -> None:
        """Hand on as much of the answer as the socket takes; nothing yet (a quiet watch) is an empty piece."""
        while self._sending is not None and not self._paused:
            piece = next(self._sending, None)
            if piece is None:
                self._sending = None
                self._serve()
            elif piece:
                self._transport.write(piece)
            else:
                return

    def _finish(self, linger: bool) -> None:
        self._closing = True
        if linger:
            self._server.loop.call_later(LINGER_S, self._transport.close)
        else:
            self._transport.close()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.end()
            self._watch = None


class Watch:
    """The endless answer: lines as they come, several in one chunk if they came together.

    The lines are the API server's own bytes, one copy for all who watch. What a client has not read yet waits in its
    stream, up to `lines_behind` or `bytes_behind`; then its watch is ended, as a real API server does, and it may
    resume or list again.
    """

    def __init__(self, stream: Stream, server: Shared, request: Request, send: Callable[[], None]) -> None:
        self._stream = stream
        self._server = server
        self._end_alarm = server.begin_watch(stream, request)
        self._send = send
        # A client may not be blamed for a long beginning.
        self._room = len(stream.lines) + server.limits.lines_behind
        self._room_bytes = _size(stream) + server.limits.bytes_behind
        self._due = False
        self.is_over = False
        stream.listen(self._on_line)

    def pieces(self, chunks: bool) -> Iterator[bytes]:
        stream = self._stream
        while stream.lines or not stream.closed:
            self._due = False
            if not stream.lines:
                yield b""
                continue
            lines = _taken(stream)
            yield b"%x\r\n%b\r\n" % (len(lines), lines) if chunks else lines
        if chunks:
            yield b"0\r\n\r\n"

    def end(self) -> None:
        """Whatever is unread is not sent any more."""
        self._stream.lines.clear()
        self._stream.close()
        if not self.is_over:
            self.is_over = True
            self._server.end_watch(self._end_alarm)

    def _on_line(self) -> None:
        stream = self._stream
        if self._is_full() and not stream.closed:
            self.end()
        elif not self._due:
            self._due = True
            self._server.loop.call_soon(self._send)

    def _is_full(self) -> bool:
        lines = len(self._stream.lines)
        return lines > self._room or (lines % WEIGHED_EACH == 0 and _size(self._stream) > self._room_bytes)


def _size(stream: Stream) -> int:
    return sum(map(len, stream.lines))


def _taken(stream: Stream) -> bytes:
    """What is there, up to a piece."""
    first = stream.lines.popleft()
    if not stream.lines:
        return first
    taken, size = [first], len(first)
    while stream.lines and size < PIECE_BYTES:
        taken.append(stream.lines.popleft())
        size += len(taken[-1])
    return b"".join(taken)


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]
