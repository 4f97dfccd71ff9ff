"""A TCP proxy with bad luck: cuts, stalls, slows or refuses what passes through it, without knowing what that is."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from contextlib import suppress

PIECE = 4096
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset, as when the other side's machine goes


class Proxy:
    """Passes bytes between clients and `target`. What it does wrong can be changed at any time."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._healthy()
        threading.Thread(target=self._accept, daemon=True).start()

    # -- bad luck --------------------------------------------------------------------------------------------------

    def cut_each_after(self, rng: random.Random, least: int, most: int) -> None:
        """Each connection from now on ends after so many bytes from the server, wherever that is."""
        self._lengths = (rng, least, most)

    def cut_at(self, text: bytes) -> None:
        """End a connection in the middle of this text, once. It must come in one piece, and in the clear."""
        self._marker = text

    def stall(self) -> None:
        """Nothing comes from the server any more, and no connection ends."""
        self._stalled.clear()

    def slow(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s

    def refuse(self) -> None:
        """New connections are closed at once."""
        self._refusing = True

    def cut(self) -> None:
        """All connections end, here and now."""
        with self._lock:
            for each in list(self._open):
                _reset(each)

    def heal(self) -> None:
        """Bad luck ends; what was held back comes through."""
        self._stalled.set()
        self._healthy()

    def close(self) -> None:
        self.heal()
        self._listener.close()
        self.cut()

    # -- passing on ------------------------------------------------------------------------------------------------

    def _healthy(self) -> None:
        self._lengths: tuple[random.Random, int, int] | None = None
        self._marker = b""
        self._stalled = threading.Event()
        self._stalled.set()
        self._bytes_per_s = 0.0
        self._refusing = False

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the end
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._refusing:
            _reset(client)
            return
        with suppress(OSError), socket.create_connection(self._target, 5) as server, client:
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            self._down(server, client)
        with self._lock:
            self._open -= {client, server}

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := client.recv(PIECE):
                server.sendall(piece)
            server.shutdown(socket.SHUT_RDWR)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        lengths = self._lengths
        left = lengths[0].randrange(lengths[1], lengths[2]) if lengths else None
        while piece := server.recv(PIECE):
            self._stalled.wait()
            if self._marker and self._marker in piece:
                left = piece.index(self._marker) + len(self._marker) // 2
                self._marker = b""
            if left is not None and len(piece) >= left:
                client.sendall(piece[:left])
                _reset(client)
                return
            left = None if left is None else left - len(piece)
            self._pass_slowly(piece, client)

    def _pass_slowly(self, piece: bytes, client: socket.socket) -> None:
        rate = self._bytes_per_s
        step = max(1, round(rate / 20)) if rate else len(piece)
        for start in range(0, len(piece), step):
            client.sendall(piece[start : start + step])
            if rate and self._bytes_per_s:
                time.sleep(0.05)


def _reset(each: socket.socket) -> None:
    with suppress(OSError):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        each.shutdown(socket.SHUT_RDWR)
    each.close()
