"""`/sim/…`: what a simulated cluster can be asked and told that a real one cannot. For administrators only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from spo.sim.api.access.authn import User
from spo.sim.api.call import answer_object
from spo.sim.api.http import Request, Response
from spo.sim.api.status import ApiError, bad_request
from spo.sim.cluster import SimulatedCluster
from spo.sim.faults import BadPlan, FaultPlan
from spo.sim.history import History
from spo.sim.http.snapshot import snapshot
from spo.sim.http.time_control import SPEEDS, TimeControl

DURATION = re.compile(r"(?=.)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?\Z", re.ASCII)
UNITS_S = (86400.0, 3600.0, 60.0, 1.0)
ADVANCE_S_MAX = 366 * 86400.0

Object = dict[str, Any]
Answer = Response | asyncio.Future[Response]


def seconds_of(text: str) -> float:
    """Of `90`, `1.5s`, `10m`, `1h30m`, `2d`. Raises ValueError."""
    match = DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time like 90s, 10m, 1h30m or 2d")
    seconds = sum(float(part or 0) * unit for part, unit in zip(match.groups(), UNITS_S, strict=True))
    if seconds > ADVANCE_S_MAX:
        raise ValueError(f"{text!r} is more than a year")
    return seconds


class Control:
    """One method a place. `counts` gives what the face has counted."""

    def __init__(
        self,
        cluster: SimulatedCluster,
        pace: TimeControl,
        history: History | None,
        counts: Callable[[], Mapping[str, int]],
    ) -> None:
        self._cluster = cluster
        self._pace = pace
        self._history = history
        self._counts = counts
        self._places: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/sim/state"): self._state,
            ("GET", "/sim/history"): self._digest,
            ("GET", "/sim/snapshot"): self._snapshot,
            ("POST", "/sim/advance"): self._advance,
            ("POST", "/sim/speed"): self._speed,
            ("POST", "/sim/restart"): self._restart,
            ("GET", "/sim/faults"): self._faults,
            ("POST", "/sim/faults"): self._set_faults,
        }

    def answer(self, request: Request) -> Answer:
        """The answer, or the promise of one: time must pass first."""
        try:
            user = self._cluster.api.authenticator.user(request)
            if not user.is_master:
                raise _forbidden(user, request)
            place = self._places.get((request.method, request.path))
            if place is None:
                known = ", ".join(f"{method} {path}" for method, path in self._places)
                raise ApiError(404, "NotFound", f"there is no {request.method} {request.path}; there is {known}")
            return place(request)
        except ApiError as error:
            return answer_object(error.code, error.status())

    def _state(self, request: Request) -> Response:
        cluster = self._cluster
        state: Object = {
            "now": cluster.timeline.micro_stamp(),
            "speed": self._pace.speed,
            "busy": cluster.timeline.busy,
            "seed": cluster.seed,
            "revision": cluster.store.revision,
            "nodes": len(cluster.nodes),
            "objects": {resource: cluster.store.count(resource) for resource in cluster.store.resources()},
            **self._counts(),
        }
        return answer_object(200, state)

    def _digest(self, request: Request) -> Response:
        if self._history is None:
            raise ApiError(404, "NotFound", "no history is kept of this cluster")
        return answer_object(200, {"history": self._history.digest(), "entries": self._history.entries})

    def _snapshot(self, request: Request) -> Response:
        return Response(200, (("Content-Type", "application/x-ndjson"),), b"".join(snapshot(self._cluster)))

    def _advance(self, request: Request) -> asyncio.Future[Response]:
        try:
            seconds = seconds_of(dict(request.query).get("duration", ""))
        except ValueError as error:
            raise bad_request(f"duration: {error}") from None
        result: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def arrived(done: asyncio.Future[None]) -> None:
            if result.done():  # the client has left
                return
            if done.cancelled():
                result.cancel()
            else:
                result.set_result(self._state(request))

        self._pace.advance(seconds).add_done_callback(arrived)
        return result

    def _speed(self, request: Request) -> Response:
        asked = dict(request.query).get("speed", "")
        wanted = next((speed for speed in SPEEDS if speed == asked), None)
        if wanted is None:
            raise bad_request(f"speed: {asked!r} is not one of {', '.join(SPEEDS)}")
        self._pace.set_speed(wanted)
        return self._state(request)

    def _restart(self, request: Request) -> Response:
        self._cluster.api.restart()
        return self._state(request)

    def _faults(self, request: Request) -> Response:
        faults = self._cluster.faults
        return answer_object(200, {"faults": faults.plan.faults, "strikes": len(faults.strikes)})

    def _set_faults(self, request: Request) -> Response:
        """The body is the plan: it takes the place of the last one; one without faults ends it."""
        try:
            self._cluster.faults.plan = FaultPlan.parse(request.body)
        except BadPlan as error:
            raise bad_request(str(error)) from None
        self._pace.answered()  # what has a time of its own is to come now
        return self._faults(request)


def _forbidden(user: User, request: Request) -> ApiError:
    verb = request.method.lower()
    text = f'forbidden: User "{user.name}" cannot {verb} path "{request.path}": only members of system:masters can'
    return ApiError(403, "Forbidden", text, {})
