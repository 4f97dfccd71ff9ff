"""A served cluster in a thread of its own: for tests, and for anything that has a thread to itself already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from spo.sim.cluster import SimulatedCluster
from spo.sim.faults import Fault, FaultPlan
from spo.sim.history import History
from spo.sim.http.certificates import Authority
from spo.sim.http.connection import Limits
from spo.sim.http.kubeconfig import kubeconfig, write
from spo.sim.http.server import HttpServer
from spo.sim.http.time_control import Speed

HOST = "127.0.0.1"

T = TypeVar("T")


class BackgroundServer:
    """Serves from its making to `close`. The cluster belongs to its thread: touch it through `call` only."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        *,
        speed: Speed = "max",
        history: History | None = None,
        limits: Limits | None = None,
        authority: Authority | None = None,
        host: str = HOST,
        port: int = 0,
    ) -> None:
        """Returns when it serves. Raises OSError if it cannot listen there."""
        self.cluster = cluster
        self.authority = authority or Authority()
        self._context = self.authority.context([host])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="spo-sim", daemon=True)
        self._thread.start()
        try:
            self.server, self.port = self._run(self._begin(speed, history, limits, host, port))
        except BaseException:
            self._stop()
            raise
        self.url = f"https://{f'[{host}]' if ':' in host else host}:{self.port}"

    def __enter__(self) -> BackgroundServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, act: Callable[[], T]) -> T:
        """Do something with the cluster, in its thread, between two requests."""

        async def acted() -> T:
            result = act()
            self.server.time.answered()
            return result

        return self._run(acted())

    def inject(self, *faults: Fault) -> None:
        """From now on this goes wrong, and nothing else; without faults, nothing does. Raises BadPlan."""

        def begin() -> None:
            self.cluster.faults.plan = FaultPlan(faults)

        self.call(begin)

    def advance(self, seconds: float) -> None:
        """Let so much simulated time pass; returns when it has."""

        async def advanced() -> None:
            await self.server.time.advance(seconds)

        self._run(advanced())

    def write_kubeconfig(self, path: Path) -> Path:
        """A kubeconfig for the administrator. Raises NotOurs, OSError."""
        write(path, kubeconfig(self.url, self.authority))
        return path

    def close(self) -> None:
        """End all connections, and the thread."""
        if self._thread.is_alive():
            self._run(self.server.close())
            self._stop()

    def _run(self, work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _begin(
        self, speed: Speed, history: History | None, limits: Limits | None, host: str, port: int
    ) -> tuple[HttpServer, int]:
        server = HttpServer(self.cluster, speed=speed, history=history, limits=limits)
        try:
            return server, await server.listen(host, port, self._context)
        except OSError:
            await server.close()
            raise

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
