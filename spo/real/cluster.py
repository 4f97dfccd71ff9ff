"""The Cluster door to a real API server: one thread a watch fills an inbox, `take` empties it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import NamedTuple

import msgspec

from spo.doors.ports import Unavailable
from spo.doors.reflector import Expired, Reflector
from spo.doors.wire import Traffic, call_of, failure_of, status_of, unheeded
from spo.events import Event
from spo.intents import ClusterIntent
from spo.interest import Interest
from spo.real.transport import Answer, Transport

PER_SECOND = 50.0  # our own limit on writes; the server's own comes on top (429)
BURST = 100


class _News(NamedTuple):
    events: tuple[Event, ...]
    requests: int
    received: int  # bytes


class RealCluster:
    """Implements `spo.doors.ports.Cluster`. `wake` is called, from any thread, when there is news."""

    def __init__(
        self,
        transport: Transport,
        manager: str,
        wake: Callable[[], None],
        trouble: Callable[[str], None],
        traffic: Traffic = unheeded,
    ) -> None:
        """`trouble` is told, once each time, why a list or watch does not work; `traffic` of what went to and fro."""
        self._transport = transport
        self._manager = manager
        self._wake = wake
        self._trouble = trouble
        self._traffic = traffic
        self._inbox: SimpleQueue[_News] = SimpleQueue()
        self._closed = threading.Event()
        self._pace = Pace(PER_SECOND, BURST)

    def want(self, interest: Interest) -> None:
        reflector = Reflector(interest, watch_s=self._transport.patience.watch_s)
        name = f"watch-{interest.resource.plural}-{interest.keep.__name__}"
        threading.Thread(target=self._follow, args=(reflector,), name=name, daemon=True).start()

    def take(self) -> Iterable[Event]:
        events: list[Event] = []
        try:
            while True:
                news = self._inbox.get_nowait()
                events.extend(news.events)
                self._traffic(news.requests, 0, news.received)
        except Empty:
            return events

    def carry_out(self, intent: ClusterIntent) -> None:
        self._pace.wait()
        call = call_of(intent, self._manager)
        answer = self._transport.send(call)
        self._traffic(1, len(call.body), len(answer.body))
        failure = failure_of(intent, answer.status, answer.body)
        if isinstance(failure, Unavailable):
            failure.retry_after_s = max(failure.retry_after_s, answer.retry_after_s)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """No more news. Threads end with their next line, or with the process."""
        self._closed.set()

    def _follow(self, reflector: Reflector) -> None:
        """List and watch for ever. Whatever goes wrong is told, and after it we wait, longer each time."""
        patience = self._transport.patience
        pause_s = patience.pause_s
        while not self._closed.is_set():
            wait_s = 0.0
            try:
                good = self._watch(reflector) if reflector.watching else self._list(reflector)
            except Expired:
                good = False
            except Unavailable as error:
                good, wait_s = False, error.retry_after_s
                self._tell(reflector.lost())
                self._trouble(str(error))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:  # a proxy's page, or what no API server sends
                good = False
                self._tell(reflector.lost())
                self._trouble(f"{reflector.call().path}: an answer that cannot be read: {error}")
            if good:
                pause_s = patience.pause_s
            elif good is not None:
                # Spread out: after a restart of the server every node asks at once.
                self._closed.wait(max(pause_s, wait_s) * random.uniform(1.0, 1.4))
                pause_s = min(pause_s * 2, patience.pause_s_max)

    def _list(self, reflector: Reflector) -> bool | None:
        """One page. Says nothing of how good things are: a server may list well and watch badly."""
        answer = self._transport.send(reflector.call())
        self._tell((), 1, len(answer.body))
        self._refuse(answer, reflector)
        self._tell(reflector.page(answer.body))
        return None

    def _watch(self, reflector: Reflector) -> bool:
        """A watch, until its end. False: it ended at once, and must not be asked for again in a hot loop."""
        patience = self._transport.patience
        began, heard = time.monotonic(), False
        self._tell((), 1, 0)
        with self._transport.stream(reflector.call(), patience.watch_s) as lines:
            if isinstance(lines, Answer):
                self._refuse(lines, reflector)
                return False
            self._tell(reflector.found())
            for line in lines:
                event = reflector.line(line)
                heard = True
                self._tell(() if event is None else (event,), 0, len(line))
                if self._closed.is_set():
                    break
        return heard or time.monotonic() - began >= patience.good_after_s

    def _refuse(self, answer: Answer, reflector: Reflector) -> None:
        """Raises Expired or Unavailable if the answer is not what was asked for."""
        if answer.status == HTTPStatus.GONE:
            reflector.expire()
            raise Expired(reflector.interest.kind)
        if answer.status != HTTPStatus.OK:
            status = status_of(answer.body)
            text = f"{reflector.call().path}: {status.message or f'HTTP {answer.status}'}"
            raise Unavailable(text, max(answer.retry_after_s, status.details.retry_after_seconds))

    def _tell(self, events: Iterable[Event], requests: int = 0, received: int = 0) -> None:
        """Hand over to the one thread that takes: events, and what it cost to hear of them."""
        self._inbox.put(_News(tuple(events), requests, received))
        if events:
            self._wake()


class Pace:
    """A token bucket: `per_second` on average, `burst` at once. One thread asks."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = float(burst)
        self._at = time.monotonic()

    def wait(self) -> None:
        """Return when one more is allowed."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second) - 1
        self._at = now
        if self._left < 0:
            time.sleep(-self._left / self._per_second)
