"""`served`: a small simulated cluster on a TLS port, and raw ways to speak to it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from spo.sim.cluster import SimulatedCluster
from spo.sim.history import History
from spo.sim.http.background import BackgroundServer

ADMIN = {"Authorization": "Bearer admin-token"}
Serve = Callable[..., "Served"]


class Served:
    """One client of a served cluster."""

    def __init__(self, running: BackgroundServer) -> None:
        self.running = running
        self.cluster = running.cluster
        self.context = ssl.create_default_context(cadata=running.authority.certificate)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] = ADMIN) -> tuple[int, Any]:
        """Status and body (decoded, if it is JSON) of one request on a connection of its own."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.running.port, context=self.context, timeout=20)
        try:
            connection.request(method, path, body if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
            is_json = response.headers.get("Content-Type") == "application/json" and text
            return response.status, json.loads(text) if is_json else text
        finally:
            connection.close()

    def connect(self, context: ssl.SSLContext | None = None, receive_bytes: int = 0) -> ssl.SSLSocket:
        plain = socket.socket()
        if receive_bytes:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        plain.settimeout(20)
        plain.connect(("127.0.0.1", self.running.port))
        return (context or self.context).wrap_socket(plain, server_hostname="localhost")

    def watches(self) -> int:
        return self.running.call(lambda: self.running.server.watches)


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[BackgroundServer] = []

    def made(**options: Any) -> Served:
        cluster = SimulatedCluster(nodes=options.pop("nodes", 1))
        cluster.run(5)  # the ServiceAccount that pods need is made
        history = History(cluster.timeline)
        running.append(BackgroundServer(cluster, history=history, **options))
        return Served(running[-1])

    yield made
    for each in running:
        each.close()


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()
