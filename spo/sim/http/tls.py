"""TLS between a socket and a protocol: what `asyncio` has, without 256 KB of buffer a connection.

A thousand watchers are a thousand quiet connections; asyncio's own SSLProtocol would hold a quarter of a gigabyte for
them (its `max_size`). This one keeps nothing: what comes is decrypted at once, what goes is encrypted at once, and how
much may wait is the socket transport's business (`pause_writing`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any, cast

READ_BYTES = 64 << 10
# What net/http says to a client that speaks HTTP without TLS.
METHODS = (b"GET /", b"HEAD ", b"POST ", b"PUT /", b"PATCH", b"DELET", b"OPTIO")
NO_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class Tls(asyncio.Protocol):
    """The server's side. To the socket it is a protocol; to `protocol`, which it makes, it is the transport."""

    def __init__(self, context: ssl.SSLContext, protocol: asyncio.Protocol, handshake_s_max: float) -> None:
        self._protocol = protocol
        self._patience_s = handshake_s_max
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._socket: asyncio.Transport = cast(Any, None)
        self._alarm: asyncio.TimerHandle | None = None
        self._open = False  # hands were shaken, and the protocol knows

    # -- what the socket's transport calls -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        self._alarm = asyncio.get_running_loop().call_later(self._patience_s, self._socket.abort)

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        try:
            if not self._open and not self._shake_hands():
                return
            received = self._read()
        except ssl.SSLError:  # a client that does not trust us, that nobody trusts, or that speaks something else
            if not self._open and data.startswith(METHODS):
                self._socket.write(NO_TLS)
            else:
                self._flush()
            self._socket.close()
            return
        self._flush()
        if received:
            self._protocol.data_received(received)

    def pause_writing(self) -> None:
        if self._open:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._open:
            self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patient_no_more()
        if self._open:
            self._open = False
            self._protocol.connection_lost(exc)

    # -- what the protocol calls ---------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if data and self._open and not self._socket.is_closing():
            self._tls.write(data)
            self._flush()

    def close(self) -> None:
        """Say goodbye; what was written is still sent."""
        if self._open and not self._socket.is_closing():
            with contextlib.suppress(ssl.SSLError):  # the other side has not said it yet, and need not
                self._tls.unwrap()
            self._flush()
        self._socket.close()

    def abort(self) -> None:
        self._socket.abort()

    def is_closing(self) -> bool:
        return self._socket.is_closing()

    def pause_reading(self) -> None:
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        self._socket.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls.getpeercert() if name == "peercert" else self._socket.get_extra_info(name, default)

    # -- inside --------------------------------------------------------------------------------------------------

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        self._flush()
        self._patient_no_more()
        self._open = True
        self._protocol.connection_made(cast(asyncio.Transport, self))
        return True

    def _read(self) -> bytes:
        pieces = []
        try:
            while piece := self._tls.read(READ_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces)
        self._socket.close()  # the other side said goodbye
        return b"".join(pieces)

    def _flush(self) -> None:
        if self._outgoing.pending and not self._socket.is_closing():
            self._socket.write(self._outgoing.read())

    def _patient_no_more(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
