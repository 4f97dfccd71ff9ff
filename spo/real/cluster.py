"""The Cluster door to a real API server: one thread a watch fills an inbox, `take` empties it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue

from spo.events import Event
from spo.intents import ClusterIntent
from spo.interest import Interest
from spo.ports import Unavailable
from spo.real.transport import Answer, Transport
from spo.reflector import WATCH_S, Expired, Reflector
from spo.wire import call_of, failure_of, status_of

FIRST_PAUSE_S = 0.5
LAST_PAUSE_S = 30.0
PER_SECOND = 50.0  # our own limit on writes; the server's own comes on top (429)
BURST = 100


class RealCluster:
    """Implements `spo.ports.Cluster`. `wake` is called, from any thread, when there is news."""

    def __init__(
        self, transport: Transport, manager: str, wake: Callable[[], None], trouble: Callable[[str], None]
    ) -> None:
        """`trouble` is told, once each time, why a list or watch does not work."""
        self._transport = transport
        self._manager = manager
        self._wake = wake
        self._trouble = trouble
        self._inbox: SimpleQueue[Iterable[Event]] = SimpleQueue()
        self._closed = threading.Event()
        self._pace = Pace(PER_SECOND, BURST)

    def want(self, interest: Interest) -> None:
        name = f"watch-{interest.resource.plural}"
        threading.Thread(target=self._follow, args=(Reflector(interest),), name=name, daemon=True).start()

    def take(self) -> Iterable[Event]:
        events: list[Event] = []
        try:
            while True:
                events.extend(self._inbox.get_nowait())
        except Empty:
            return events

    def carry_out(self, intent: ClusterIntent) -> None:
        self._pace.wait()
        answer = self._transport.send(call_of(intent, self._manager))
        failure = failure_of(intent, answer.status, answer.body)
        if isinstance(failure, Unavailable):
            failure.retry_after_s = max(failure.retry_after_s, answer.retry_after_s)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """No more news. Threads end with their next line, or with the process."""
        self._closed.set()

    def _follow(self, reflector: Reflector) -> None:
        """List and watch for ever; after trouble wait, and longer each time."""
        pause_s = FIRST_PAUSE_S
        while not self._closed.is_set():
            try:
                self._advance(reflector)
                pause_s = FIRST_PAUSE_S
                continue
            except Expired:
                wait_s = FIRST_PAUSE_S  # a server that cannot keep up must not be asked for lists in a hot loop
            except Unavailable as error:
                self._trouble(str(error))
                wait_s = max(pause_s, error.retry_after_s)
                pause_s = min(pause_s * 2, LAST_PAUSE_S)
            # Spread out: after a restart of the server every node asks at once.
            self._closed.wait(wait_s * random.uniform(0.8, 1.2))

    def _advance(self, reflector: Reflector) -> None:
        call = reflector.call()
        if not reflector.watching:
            answer = self._transport.send(call)
            if answer.status == 410:
                reflector.expire()
                raise Expired("list")
            _refuse(answer)
            self._tell(reflector.page(answer.body))
            return
        with self._transport.stream(call, WATCH_S) as lines:
            if isinstance(lines, Answer):
                if lines.status == 410:
                    reflector.expire()
                    raise Expired("watch")
                _refuse(lines)
                return
            for line in lines:
                event = reflector.line(line)
                if event is not None:
                    self._tell((event,))
                if self._closed.is_set():
                    return

    def _tell(self, events: Iterable[Event]) -> None:
        self._inbox.put(events)
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


def _refuse(answer: Answer) -> None:
    if answer.status >= 300:
        text = status_of(answer.body).message or f"HTTP {answer.status}"
        raise Unavailable(text, answer.retry_after_s)
