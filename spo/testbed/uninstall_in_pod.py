"""`spo uninstall` as the program of a simulated pod: a command that waits, where nothing may wait.

It runs as far as its first pause; at the next tick it runs again from its start, and is told what it was told before,
then goes on from there. It does the same, as a command knows of the world only what it was told.
"""

from __future__ import annotations

import argparse

from msgspec import Struct

from spo.doors.ports import Unavailable
from spo.doors.wire import ApiRequest
from spo.installation.live import Live, RequestRefused
from spo.installation.uninstall import AGENT, configure, uninstall_from
from spo.sim.api.http import Request
from spo.sim.api.status import NoAnswer
from spo.sim.node.program import Exited, Launch


class Answer(Struct, frozen=True):
    """Implements `spo.installation.live.Answer`."""

    status: int
    body: bytes


class _Pause(BaseException):
    """The command waits here, until then."""

    def __init__(self, until: float) -> None:
        super().__init__(until)
        self.until = until


class SimUninstall:
    """Implements the process, and the command's transport and time."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        parser = argparse.ArgumentParser()
        configure(parser)
        self._arguments = parser.parse_args(launch.arguments[1:])
        self._answers: list[Answer | Unavailable] = []
        self._pauses: list[float] = []  # until when
        self._begun_at = launch.timeline.now
        self._told = 0  # lines

    def tick(self) -> float | None:
        if self._pauses and self._launch.timeline.now < self._pauses[-1]:
            return self._pauses[-1]
        self._answers_again, self._pauses_again = iter(list(self._answers)), iter(list(self._pauses))
        self._now = self._begun_at
        self._said = 0
        live = Live(self.send, AGENT, self)
        try:
            code = uninstall_from(live, self._arguments, self._say, self._say)
        except _Pause as pause:
            return pause.until
        except (RequestRefused, Unavailable) as error:
            self._say(f"spo: {error}")
            code = 1
        raise Exited(code)

    def send(self, call: ApiRequest) -> Answer:
        told = next(self._answers_again, None) or self._ask(call)
        if isinstance(told, Unavailable):
            raise told
        return told

    def _ask(self, call: ApiRequest) -> Answer | Unavailable:
        launch = self._launch
        headers = {"Authorization": f"Bearer {launch.token}", "Content-Type": call.content_type, "User-Agent": AGENT}
        told: Answer | Unavailable
        try:
            response = launch.api.handle(Request(call.method, call.path, call.query, headers, call.body))
            told = Answer(response.status, response.body)
        except NoAnswer as error:
            told = Unavailable(error.message)
        self._answers.append(told)
        return told

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        until = next(self._pauses_again, None)
        if until is None:
            self._pauses.append(self._launch.timeline.now + seconds)
            raise _Pause(self._pauses[-1])
        self._now = until

    def stop(self) -> None:
        """The container is gone; nothing is held."""

    def _say(self, line: str) -> None:
        self._said += 1
        if self._said > self._told:
            self._told = self._said
            self._launch.say(line)
