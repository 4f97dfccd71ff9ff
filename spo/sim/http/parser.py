"""HTTP/1.1 requests out of bytes (RFC 9112): a state machine that touches no socket.

Strict where two readers could disagree about where a request ends (RFC 9112, 11.2): both lengths given, a length that
is no number, a transfer coding that is not `chunked` (or any, in HTTP/1.0), folded lines, a bare line feed. Anything
such is refused, and ends the connection. Targets are read as Go's net/url does.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from spo.sim.api.encoding.bodies import BODY_BYTES_MAX
from spo.sim.api.http import Request

HEAD_BYTES_MAX = 1 << 20  # net/http's DefaultMaxHeaderBytes
HEADERS_MAX = 1000
SIZE_LINE_MAX = 256  # of a chunk, with its extensions
REMEMBERED_BYTES = 4096

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
HEX = re.compile(rb"[0-9A-Fa-f]{1,15}\Z")
VERSIONS = {b"HTTP/1.1": True, b"HTTP/1.0": False}

# Repeated headers become one, as RFC 9110 5.2 says; what is impersonated may have a comma in it, but no line feed.
LINES = "Impersonate-"


class BadRequest(Exception):
    """Not a request that can be answered any other way; the connection ends after saying so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Incoming(Struct, frozen=True):
    """A request, and what its connection must know to answer it."""

    request: Request
    keep_alive: bool = True
    chunks: bool = True  # the client understands chunked answers
    cut: bool = False  # the body is longer than anyone would take; the rest was not read


class Parser:
    """`feed` it bytes as they come, ask for `next()` until there is none."""

    def __init__(self, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self.wants_continue = False  # the client waits for `100 Continue`; whoever says it sets this back
        self._body_bytes_max = body_bytes_max
        self._buffer = bytearray()
        self._seen = 0  # of the buffer, in which no end of a head was found
        self._parsing: Iterator[Incoming | None] | None = None

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def waiting_bytes(self) -> int:
        """What was fed and not yet asked for."""
        return len(self._buffer)

    @property
    def is_inside(self) -> bool:
        """Has a request begun, and not ended?"""
        return self._parsing is not None or bool(self._buffer)

    def next(self) -> Incoming | None:
        """The next whole request; None: feed more. Raises BadRequest."""
        if self._parsing is None:
            head = self._head()
            if head is None:
                return None
            self._parsing = self._request(head)
        found = next(self._parsing)
        if found is not None:
            self._parsing = None
            self.wants_continue = False
        return found

    # -- head ----------------------------------------------------------------------------------------------------

    def _head(self) -> bytes | None:
        while self._buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: empty lines before a request are let pass
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n", max(0, self._seen - 3))
        if end > HEAD_BYTES_MAX or (end < 0 and len(self._buffer) > HEAD_BYTES_MAX):
            raise BadRequest(431, "the request's head is too long")
        if end < 0:
            self._seen = len(self._buffer)
            return None
        head = bytes(self._buffer[: end + 2])
        del self._buffer[: end + 4]
        self._seen = 0
        return head

    def _request(self, head: bytes) -> Iterator[Incoming | None]:
        line, _, block = head.partition(b"\r\n")
        method, path, query, modern = request_line(line)
        headers = remembered_headers(block) if len(block) <= REMEMBERED_BYTES else headers_of(block)
        if modern and "Host" not in headers:
            raise BadRequest(400, "missing required Host header")
        wishes = {wish.strip() for wish in headers.get("Connection", "").lower().split(",")}
        keep_alive = "close" not in wishes if modern else "keep-alive" in wishes
        body = bytearray()
        limit = self._body_bytes_max + 1  # one more than is taken: whoever answers sees that it is too long
        cut = False
        length = _length(headers, modern)
        self._expectation(headers, length != 0)
        if length != 0:
            pieces = self._chunks() if length is None else self._exactly(length)
            for piece in pieces:
                if piece is None:
                    yield None
                    continue
                body += piece
                if len(body) >= limit:
                    del body[limit:]
                    cut = True
                    break
        request = Request(method, path, query, headers, bytes(body))
        yield Incoming(request, keep_alive and not cut, modern, cut)

    def _expectation(self, headers: Mapping[str, str], has_body: bool) -> None:
        expected = headers.get("Expect", "").lower()
        if expected not in ("", "100-continue"):
            raise BadRequest(417, "the only expectation that is met is 100-continue")
        self.wants_continue = expected != "" and has_body and not self._buffer

    # -- body: pieces as they come, None where more must be fed ----------------------------------------------------

    def _exactly(self, length: int) -> Iterator[bytes | None]:
        while length:
            if not self._buffer:
                yield None
                continue
            piece = bytes(self._buffer[:length])
            del self._buffer[: len(piece)]
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes | None]:
        while True:
            line = yield from self._line(SIZE_LINE_MAX)
            size = line.partition(b";")[0].strip(b" \t")
            if not HEX.match(size):
                raise BadRequest(400, "invalid chunk size")
            if not int(size, 16):
                break
            yield from self._exactly(int(size, 16))
            if (yield from self._line(2)):
                raise BadRequest(400, "a chunk is longer than it says")
        for _ in range(HEADERS_MAX):
            if not (yield from self._line(HEAD_BYTES_MAX)):  # trailers: nobody here reads any
                return
        raise BadRequest(431, "too many trailers")

    def _line(self, longest: int) -> Generator[None, None, bytes]:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > longest:
                raise BadRequest(400, "a line of the body is too long")
            yield None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if CONTROLS.search(line):
            raise BadRequest(400, "control characters in a line of the body")
        return line


def request_line(line: bytes) -> tuple[str, str, tuple[tuple[str, str], ...], bool]:
    """Method, path, query, and whether it is HTTP/1.1. Raises BadRequest."""
    parts = line.split(b" ")
    if len(parts) != 3 or not TOKEN.match(parts[0]) or CONTROLS.search(line):
        raise BadRequest(400, "malformed request line")
    method, target, version = parts
    if version not in VERSIONS:
        raise BadRequest(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
    if not target.startswith(b"/"):
        scheme, found, rest = target.partition(b"://")
        if not found or scheme.lower() not in (b"http", b"https"):
            raise BadRequest(400, "the request's target is not a path")
        target = b"/" + rest.partition(b"/")[2]
    path, _, query = target.partition(b"?")
    if BAD_ESCAPE.search(path):
        raise BadRequest(400, "malformed escape in the path")
    pairs = parse_qsl(_readable(query).decode("latin-1"), keep_blank_values=True) if query else ()
    text = path.decode("latin-1")
    return method.decode(), unquote(text) if "%" in text else text, tuple(pairs), VERSIONS[version]


def _readable(query: bytes) -> bytes:
    """Without the pairs that Go passes over: with a malformed escape, or a semicolon."""
    if b";" not in query and not BAD_ESCAPE.search(query):
        return query
    return b"&".join(pair for pair in query.split(b"&") if b";" not in pair and not BAD_ESCAPE.search(pair))


def headers_of(block: bytes) -> Mapping[str, str]:
    """Headers by canonical name (`Content-Type`), repeated ones joined. Raises BadRequest."""
    headers: dict[str, str] = {}
    lines = block.split(b"\r\n")[:-1]
    if len(lines) > HEADERS_MAX:
        raise BadRequest(431, "too many headers")
    for line in lines:
        raw, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(raw) or CONTROLS.search(value):
            raise BadRequest(400, "malformed header")
        name, text = canonical(raw), _text(value.strip(b" \t"))
        if name in headers:
            if name == "Host":
                raise BadRequest(400, "too many Host headers")
            between = "\n" if name.startswith(LINES) else ", "
            text = f"{headers[name]}{between}{text}"
        headers[name] = text
    return headers


remembered_headers = lru_cache(256)(headers_of)  # a client sends the same ones with each request


@lru_cache(1024)
def canonical(name: bytes) -> str:
    """As Go writes it: `x-remote-user` is `X-Remote-User`."""
    return "-".join(part.capitalize() for part in name.decode("ascii").split("-"))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _length(headers: Mapping[str, str], modern: bool) -> int | None:
    """How long the body is; None: in chunks. Raises BadRequest."""
    coding, length = headers.get("Transfer-Encoding"), headers.get("Content-Length")
    if coding is not None:
        if not modern:
            raise BadRequest(400, "Transfer-Encoding in HTTP/1.0")
        if length is not None:
            raise BadRequest(400, "both Transfer-Encoding and Content-Length")
        if coding.lower() != "chunked":
            raise BadRequest(501, "the only transfer coding that is understood is chunked")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        raise BadRequest(400, "bad Content-Length")
    return int(length)
