"""The simulated cluster on a TLS port: HTTP/1.1 around `ApiServer.handle`, in one thread, for any client."""

from __future__ import annotations

import asyncio
import ssl
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from spo.sim.api.access.authn import AUTHENTICATED, User
from spo.sim.api.call import answer_object
from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.status import ApiError, NoAnswer
from spo.sim.cluster import SimulatedCluster
from spo.sim.faults import Crash
from spo.sim.history import History
from spo.sim.http.connection import Connection, Limits
from spo.sim.http.control import Answer, Control
from spo.sim.http.time_control import Speed, TimeControl
from spo.sim.http.tls import Tls
from spo.sim.timeline import SECOND_NS

HANDSHAKE_S_MAX = 10.0
SWEEP_S = 15.0
BACKLOG = 1024
TIMEOUT = "timeoutSeconds"
FAREWELLS = 5  # hundredths of a second

# As priority and fairness says it (apiserver's filters/priority-and-fairness.go).
TOO_MANY = Response(
    429,
    (("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "1")),
    b"Too many requests, please try again later.\n",
)


class HttpServer:
    """What all clients share: API server, clock, limits, counters. Made and used inside a running event loop."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        *,
        speed: Speed = "max",
        history: History | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.limits = limits or Limits()
        self.requests = self.watches = 0
        self.cluster = cluster
        self.time = TimeControl(cluster, speed, self.loop)
        self._control = Control(cluster, self.time, history, self._counts)
        self._connections: dict[Connection, None] = {}
        self._server: asyncio.Server | None = None
        self._date = (0, "")
        self._sweeper = self.loop.call_later(SWEEP_S, self._sweep)

    async def listen(self, host: str, port: int, context: ssl.SSLContext) -> int:
        """Begin to serve; gives the port. Raises OSError."""
        self._server = await self.loop.create_server(
            lambda: Tls(context, Connection(self), HANDSHAKE_S_MAX), host, port, backlog=BACKLOG
        )
        actual: int = self._server.sockets[0].getsockname()[1]
        return actual

    async def close(self) -> None:
        """End every watch and connection; no time passes any more."""
        if self._server is not None:
            self._server.close()
        self._sweeper.cancel()
        self.time.close()
        for connection in list(self._connections):
            connection.close()
        for _ in range(FAREWELLS):  # what was said is still sent
            if not self._connections:
                return
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()

    # -- for connections -----------------------------------------------------------------------------------------

    @property
    def connections(self) -> int:
        return len(self._connections)

    def enter(self, connection: Connection) -> bool:
        """Is there room for one more?"""
        if len(self._connections) >= self.limits.connections:
            return False
        self._connections[connection] = None
        return True

    def leave(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    def answer(self, request: Request, certificate: Any = None) -> Answer:
        """Answer a request; `certificate` is the client's, as `ssl` gives it. Raises NoAnswer, if a fault says so."""
        self.requests += 1
        try:
            if certificate:
                request = self._certified(request, certificate)
            if request.path.startswith("/sim/"):
                return self._control.answer(request)
            self.time.asked()
            response = self.cluster.api.handle(request if self.time.speed == "real" else _without_end(request))
            if response.stream is not None and self.watches >= self.limits.watches:
                response.stream.close()
                response = TOO_MANY
            self.time.answered()
            return self._late(response) if response.late_s else response
        except (NoAnswer, Crash) as fault:  # whoever shows a pod's token here is outside all the same
            self.time.answered()
            raise NoAnswer from fault
        except Exception as bug:  # ours: one client is told, the others go on
            traceback.print_exc(file=sys.stderr)
            error = ApiError(500, "InternalError", f"Internal error occurred: {bug!r}: this is a bug of the simulator")
            return answer_object(500, error.status())

    def begin_watch(self, stream: Stream, request: Request) -> asyncio.TimerHandle | None:
        """A watch's `timeoutSeconds` are the client's: outside, time passes even if ours stands still, or leaps."""
        self.watches += 1
        lasts_s = 0 if self.time.speed == "real" else _lasts_s(request)
        return self.loop.call_later(lasts_s, stream.close) if lasts_s else None

    def end_watch(self, alarm: asyncio.TimerHandle | None) -> None:
        self.watches -= 1
        if alarm is not None:
            alarm.cancel()

    def common_headers(self) -> tuple[tuple[str, str], ...]:
        """Of every answer. The date is the cluster's: it is that server's clock."""
        second = self.cluster.timeline.now_ns // SECOND_NS
        if self._date[0] != second:
            self._date = (second, format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True))
        return ("Cache-Control", "no-cache, private"), ("Date", self._date[1])

    # -- inside --------------------------------------------------------------------------------------------------

    def _late(self, response: Response) -> asyncio.Future[Response]:
        """The answer, when its simulated time has come."""
        promised: asyncio.Future[Response] = self.loop.create_future()

        def arrive() -> None:
            if not promised.done():  # the client is still there
                promised.set_result(response)

        def forget(done: asyncio.Future[Response]) -> None:
            if done.cancelled() and response.stream is not None:
                response.stream.close()

        promised.add_done_callback(forget)
        self.cluster.timeline.after(response.late_s, arrive)
        return promised

    def _counts(self) -> dict[str, int]:
        return {"requests": self.requests, "connections": self.connections, "watches": self.watches}

    def _certified(self, request: Request, certificate: Mapping[str, Any]) -> Request:
        """The request as of the user of a client certificate: common name and organizations (x509 request header)."""
        named = [pair for part in certificate["subject"] for pair in part]
        name = next((value for field, value in named if field == "commonName"), "")
        groups = tuple(value for field, value in named if field == "organizationName")
        token = "/".join(("client-certificate", name, *groups))
        self.cluster.api.authenticator.know(token, User(name, (*groups, AUTHENTICATED)))
        headers = {**request.headers, "Authorization": f"Bearer {token}"}
        return Request(request.method, request.path, request.query, headers, request.body)

    def _sweep(self) -> None:
        """Close connections on which nothing goes on: half a request, or an answer that nobody reads."""
        oldest = self.loop.time() - self.limits.idle_s
        for connection in list(self._connections):
            if not connection.is_waiting and connection.active_s < oldest:
                connection.abort()
        self._sweeper = self.loop.call_later(SWEEP_S, self._sweep)


def _lasts_s(request: Request) -> int:
    """For how long a watch was asked for; 0: nothing was said, or nothing that the API server would take."""
    asked = next((value for name, value in request.query if name == TIMEOUT), "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0


def _without_end(request: Request) -> Request:
    if not _lasts_s(request):
        return request
    query = tuple(pair for pair in request.query if pair[0] != TIMEOUT)
    return Request(request.method, request.path, query, request.headers, request.body)
