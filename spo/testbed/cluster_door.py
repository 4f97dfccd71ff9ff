"""The Cluster door of a process in the simulated world: the same requests and bytes as over HTTPS, without the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from spo.doors.ports import Unavailable, WorldError
from spo.doors.reflector import Expired, Heard, Reflector, hear
from spo.doors.wire import ApiRequest, Traffic, call_of, failure_of, status_of, unheeded
from spo.events import Event
from spo.intents import ClusterIntent
from spo.interest import Interest
from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.server import ApiServer
from spo.sim.api.status import NoAnswer
from spo.sim.timeline import Timeline

RETRY_S = 1.0  # after a list or watch that was refused; a missing CRD is asked for as often
SHARED_LINES = 4096


class Hearing:
    """Decodes each line of a watch once for all who hear it: what they get is immutable."""

    def __init__(self) -> None:
        self._heard: dict[tuple[int, type[Any]], tuple[bytes, Heard]] = {}

    def __call__(self, line: bytes, kind: str, keep: type[Any]) -> Heard:
        key = (id(line), keep)
        found = self._heard.get(key)
        if found is None or found[0] is not line:
            if len(self._heard) >= SHARED_LINES:
                self._heard.clear()
            found = self._heard[key] = (line, hear(line, kind, keep))
        return found[1]


class _Watch:
    def __init__(self, reflector: Reflector) -> None:
        self.reflector = reflector
        self.stream: Stream | None = None
        self.not_before_ns = 0


class SimCluster:
    """Implements `spo.doors.ports.Cluster` for one process: its identity is a token, `wake` asks for a tick."""

    def __init__(
        self,
        api: ApiServer,
        timeline: Timeline,
        token: str,
        *,
        manager: str,
        wake: Callable[[], None],
        hearing: Hearing,
        traffic: Traffic = unheeded,
    ) -> None:
        self._api = api
        self._timeline = timeline
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": manager}
        self._manager = manager
        self._wake = wake
        self._hearing = hearing
        self._traffic = traffic
        self._watches: list[_Watch] = []
        self._closed = False

    def want(self, interest: Interest) -> None:
        self._watches.append(_Watch(Reflector(interest, self._hearing)))

    def take(self) -> Iterable[Event]:
        events: list[Event] = []
        for watch in self._watches:
            self._advance(watch, events)
        return events

    def carry_out(self, intent: ClusterIntent) -> None:
        response = self._send(call_of(intent, self._manager))
        failure = failure_of(intent, response.status, response.body)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """The process is gone: its connections end."""
        self._closed = True
        for watch in self._watches:
            if watch.stream is not None:
                watch.stream.close()

    def _advance(self, watch: _Watch, events: list[Event]) -> None:
        """Bring one watch up to date: read what came, and list or watch anew where that is needed."""
        while True:
            if watch.stream is not None:
                self._read(watch, events)
                if not watch.stream.closed:
                    return
                watch.stream = None
            if self._timeline.now_ns < watch.not_before_ns:
                return
            try:
                self._connect(watch, events)
            except WorldError:
                events.extend(watch.reflector.lost())
                watch.not_before_ns = self._timeline.now_ns + round(RETRY_S * 1e9)
                self._timeline.after(RETRY_S, self._wake_unless_closed, idle=True)
                return

    def _connect(self, watch: _Watch, events: list[Event]) -> None:
        reflector = watch.reflector
        response = self._send(reflector.call())
        if response.status == 410:
            reflector.expire()
        elif response.status >= 300:
            raise Unavailable(status_of(response.body).message)
        elif response.stream is None:
            events.extend(reflector.page(response.body))
        else:
            events.extend(reflector.found())
            watch.stream = response.stream
            watch.stream.listen(self._wake_unless_closed)

    def _read(self, watch: _Watch, events: list[Event]) -> None:
        stream = watch.stream
        assert stream is not None
        if stream.lines:
            self._traffic(0, 0, sum(map(len, stream.lines)))
        while stream.lines:
            try:
                event = watch.reflector.line(stream.lines.popleft())
            except Expired:
                stream.close()
                return
            if event is not None:
                events.append(event)

    def _send(self, call: ApiRequest) -> Response:
        headers = {**self._headers, "Content-Type": call.content_type} if call.content_type else self._headers
        try:
            response = self._api.handle(Request(call.method, call.path, call.query, headers, call.body))
        except NoAnswer as error:
            raise Unavailable(error.message) from error
        self._traffic(1, len(call.body), len(response.body))
        return response

    def _wake_unless_closed(self) -> None:
        if not self._closed:
            self._wake()
