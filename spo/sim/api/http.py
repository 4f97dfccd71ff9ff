"""What a call to the simulated API server is, in process as over HTTPS."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from msgspec import Struct, field


class Request(Struct, frozen=True):
    """One HTTP request. `query` keeps the URL's order and repetitions; header names are as the client sent them."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Stream:
    """The endless body of a watch: lines of JSON, each ended by a newline, until either side closes it."""

    __slots__ = ("_on_line", "closed", "lines", "on_close")

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.closed = False
        self.on_close: Callable[[], None] | None = None  # the server's: forget this watcher
        self._on_line: Callable[[], None] | None = None  # the reader's: there is something to read

    def listen(self, on_line: Callable[[], None]) -> None:
        """Call `on_line` after each new line and at the end; at once, if lines are waiting."""
        self._on_line = on_line
        if self.lines or self.closed:
            on_line()

    def push(self, line: bytes) -> None:
        if not self.closed:
            self.lines.append(line)
            if self._on_line:
                self._on_line()

    def close(self) -> None:
        """End the stream, from either side; what was pushed can still be read."""
        if not self.closed:
            self.closed = True
            if self.on_close:
                self.on_close()
            if self._on_line:
                self._on_line()


class Response(Struct, frozen=True):
    """The answer: a whole body, or (a watch) a stream. Headers as pairs: `Warning` may come more than once.

    `late_s`: it is so much simulated time before whoever asked has it (a fault).
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stream: Stream | None = None
    late_s: float = 0.0
