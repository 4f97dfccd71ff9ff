"""The sub-resource `log` of pods: which run of which container, which of its lines, and those still to come.

Whoever runs containers writes into `Logs.book`; which run is meant stands in the pod's status, as for a real kubelet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from spo.sim.api.call import Call
from spo.sim.api.http import Response, Stream
from spo.sim.api.resources import converted
from spo.sim.api.routing import truth
from spo.sim.api.status import FieldError, bad_request, invalid
from spo.sim.api.tables.ages import seconds_of
from spo.sim.api.verbs.listing import number
from spo.sim.api.verbs.rest import Rest
from spo.sim.container_logs import ContainerLogs, Line, Log
from spo.sim.store import Change, StoreKey
from spo.sim.timeline import SECOND_NS, Timeline

Object = dict[str, Any]

_TEXT = (("Content-Type", "text/plain"),)
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_WAITING = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


class Wish(Struct, frozen=True):
    """What was asked of a log (PodLogOptions)."""

    since: float = 0.0
    tail: int | None = None
    bytes_max: int | None = None
    stamped: bool = False

    def text(self, line: Line) -> bytes:
        at, said = line
        if at < self.since:
            return b""
        return (f"{_stamp(at)} {said}\n" if self.stamped else f"{said}\n").encode()


class Follower:
    """One who reads on, until its bytes are used up or the container ends."""

    def __init__(self, log: Log, wish: Wish, text: bytes, container: str, container_id: str) -> None:
        self.stream = Stream()
        self.container, self.container_id = container, container_id
        self._log, self._wish = log, wish
        self._left = wish.bytes_max
        log.follow(self._on_line)
        self._push(text)

    def end(self) -> None:
        self._log.leave(self._on_line)
        self.stream.close()

    def _on_line(self, line: Line) -> None:
        self._push(self._wish.text(line))

    def _push(self, text: bytes) -> None:
        if self._left is not None:
            text = text[: self._left]
            self._left -= len(text)
        if text:
            self.stream.push(text)
        if self._left == 0:
            self.end()


class Logs:
    """Answers `kubectl logs`, with `--follow` until the container ends."""

    def __init__(self, rest: Rest, timeline: Timeline) -> None:
        self.book = ContainerLogs()
        self._rest = rest
        self._timeline = timeline
        self._followers: dict[StoreKey, dict[Follower, None]] = {}

    def get(self, call: Call) -> Response:
        """Raises ApiError 400 for a container that is not there, or has not started; 422 for what cannot be asked."""
        query = call.query
        wish = self._wish(query, call.route.name)
        record = self._rest.record(call)
        pod = converted(call.served, record)
        container = _container(pod, query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return Response(204)
        container_id = _run(pod, container, truth(query.get("previous")))
        lines = self.book.lines(record.key, container, container_id)
        if wish.tail is not None:
            lines = lines[max(0, len(lines) - wish.tail) :]
        text = b"".join(map(wish.text, lines))
        if truth(query.get("follow")) and _is_running(pod, container, container_id):
            log = self.book.log(record.key, container, container_id)
            follower = Follower(log, wish, text, container, container_id)
            self._enter(record.key, follower)
            return Response(200, _TEXT, stream=follower.stream)
        return Response(200, _TEXT, text if wish.bytes_max is None else text[: wish.bytes_max])

    @property
    def followers(self) -> int:
        """How many read on."""
        return sum(map(len, self._followers.values()))

    def on_change(self, change: Change) -> None:
        """A pod changed: those who follow a container of it that runs no more have read all there is."""
        key = change.key
        if key.resource != "pods":
            return
        followers = self._followers.get(key)
        if followers:
            pod = change.after.object() if change.after is not None else {}
            for follower in list(followers):
                if not _is_running(pod, follower.container, follower.container_id):
                    follower.end()
        if change.after is None:
            self.book.forget(key)

    def _enter(self, key: StoreKey, follower: Follower) -> None:
        if follower.stream.closed:
            return
        self._followers.setdefault(key, {})[follower] = None
        follower.stream.on_close = lambda: self._leave(key, follower)

    def _leave(self, key: StoreKey, follower: Follower) -> None:
        followers = self._followers.get(key, {})
        followers.pop(follower, None)
        if not followers:
            self._followers.pop(key, None)
        follower.stream.on_close = None
        follower.end()

    def _wish(self, query: Mapping[str, str], pod: str) -> Wish:
        """Raises ApiError 400 or 422 (ValidatePodLogOptions)."""
        asked = {name: number(query, name) for name in _LEAST if query.get(name)}
        errors = [
            FieldError(name, "FieldValueInvalid", f"Invalid value: {value}: {_LEAST[name][1]}")
            for name, value in asked.items()
            if value < _LEAST[name][0]
        ]
        if "sinceSeconds" in asked and query.get("sinceTime"):
            why = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
            errors.append(FieldError("[]", "FieldValueForbidden", why))
        if errors:
            raise invalid("PodLogOptions", "", pod, errors)
        since = 0.0
        if "sinceSeconds" in asked:
            since = self._timeline.now_ns / SECOND_NS - asked["sinceSeconds"]
        elif query.get("sinceTime"):
            try:
                since = seconds_of(query["sinceTime"])
            except ValueError:
                raise bad_request(_no_time(query["sinceTime"])) from None
        return Wish(since, asked.get("tailLines"), asked.get("limitBytes"), truth(query.get("timestamps")))


def _no_time(text: str) -> str:
    """As Go says it, whose parser stops at the first part that does not fit; we name the first always."""
    return f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'


_LEAST: Mapping[str, tuple[int, str]] = {
    "tailLines": (0, "must be greater than or equal to 0"),
    "limitBytes": (1, "must be greater than 0"),
    "sinceSeconds": (1, "must be greater than 0"),
}


def _container(pod: Object, wanted: str) -> str:
    name, spec = pod["metadata"]["name"], pod["spec"]
    if wanted:
        if not any(c["name"] == wanted for field in _CONTAINERS for c in spec.get(field) or ()):
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(spec["containers"]) == 1:
        return str(spec["containers"][0]["name"])
    names = " ".join(c["name"] for field in _CONTAINERS for c in spec.get(field) or ())
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{names}]")


def _status(pod: Object, container: str) -> Object:
    status = pod.get("status") or {}
    return next((s for field in _STATUSES for s in status.get(field) or () if s["name"] == container), {})


def _run(pod: Object, container: str, previous: bool) -> str:
    """The id of the run whose log is meant. Raises ApiError 400 (kubelet: validateContainerLogStatus)."""
    status = _status(pod, container)
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated") or {}
    place = f'container "{container}" in pod "{pod["metadata"]["name"]}"'
    if previous and not last.get("containerID"):
        raise bad_request(f"previous terminated {place} not found")
    if not previous and "running" in state:
        return str(status.get("containerID", ""))
    ended = "" if previous else (state.get("terminated") or {}).get("containerID")
    if ended or last.get("containerID"):
        return str(ended or last["containerID"])
    if "terminated" in state or last:
        raise bad_request(f"{place} is terminated")
    reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
    raise bad_request(f"{place} is waiting to start: {_WAITING.get(reason, reason)}")


def _is_running(pod: Object, container: str, container_id: str) -> bool:
    status = _status(pod, container)
    return "running" in (status.get("state") or {}) and status.get("containerID", "") == container_id


def _stamp(at: float) -> str:
    moment = datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{round(at % 1 * 10**9):09d}Z"
