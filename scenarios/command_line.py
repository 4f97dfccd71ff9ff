"""A person at a simulated cluster with the commands that need one: `spo install`, `spo uninstall`."""

from __future__ import annotations

from spo.doors.wire import ApiRequest
from spo.installation.live import Live
from spo.sim.api.http import Request
from spo.testbed.uninstall_in_pod import Answer
from spo.testbed.world import SimulatedWorld


class CommandLine:
    """Implements the commands' transport and time; `said` is what they print."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.said: list[str] = []

    def send(self, call: ApiRequest) -> Answer:
        headers = {"Authorization": "Bearer admin-token", "Content-Type": call.content_type}
        response = self.world.cluster.api.handle(Request(call.method, call.path, call.query, headers, call.body))
        return Answer(response.status, response.body)

    def now(self) -> float:
        return self.world.cluster.timeline.now

    def sleep(self, seconds: float) -> None:
        self.world.cluster.run(seconds)

    @property
    def live(self) -> Live:
        return Live(self.send, "spo-uninstall", self)
