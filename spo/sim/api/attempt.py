"""What is asked of the API server, and what it tells, as faults see it: whose it is, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from spo.sim.api.access.authn import POD_NAME, User
from spo.sim.api.call import header
from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.resources import Registry, Served
from spo.sim.api.routing import Route
from spo.sim.api.status import STALE, ApiError, NoAnswer, already_exists, conflict
from spo.sim.faults import Crash, Operation, Site
from spo.sim.faults.fates import Attempt
from spo.sim.store import StoreKey

APPLY = "application/apply-patch"
LINE_BEGINS = b'{"type":"'


class _Metadata(Struct):
    name: str = ""


class _Named(Struct):
    metadata: _Metadata


_named = msgspec.json.Decoder(_Named)


class Asker(Struct, frozen=True):
    """Whoever asks, as a fault may call it; `own`: a part of the cluster, or its administrator."""

    pod: str  # whose token was shown; empty: of none
    names: tuple[str, ...]  # of the pod, of the user, of the program
    own: bool


def asker_of(user: User, request: Request) -> Asker:
    pod = next(iter(user.extra.get(POD_NAME, ())), "")
    names = (pod, user.name, header(request.headers, "User-Agent"))
    return Asker(pod, tuple(filter(None, names)), user.is_master)


def operation_of(request: Request, asker: Asker, asked: Route, registry: Registry) -> Operation:
    """A request for an object is `verb` on `Kind namespace/name[/subresource]`; any other, on its path."""
    if not asked.is_resource:
        return Operation(Site.API, asker.names, asked.verb, asked.path, asker.own)
    served = registry.find(asked.group, asked.version, asked.plural)
    kind, namespace = asked.plural, asked.namespace
    if served is not None:
        kind = served.kind.resource.kind
        namespace = namespace if served.kind.resource.namespaced else ""
    applies = asked.verb == "patch" and header(request.headers, "Content-Type").startswith(APPLY)
    name = asked.name or (_name_in(request.body) if asked.verb == "create" else "")
    place = "/".join(filter(None, (namespace, name, asked.subresource)))
    verb = "apply" if applies else asked.verb
    return Operation(Site.API, asker.names, verb, f"{kind} {place}".strip(), asker.own)


def news_of(asker: Asker, served: Served, line: bytes, key: StoreKey | None) -> Operation:
    """A line of a watch: its type, on `Kind namespace/name`; a bookmark is about no object."""
    what = line[len(LINE_BEGINS) : line.index(b'"', len(LINE_BEGINS))].decode()
    place = f" {'/'.join(filter(None, (key.namespace, key.name)))}" if key is not None else ""
    return Operation(Site.WATCH, asker.names, what, f"{served.kind.resource.kind}{place}", asker.own)


def _name_in(body: bytes) -> str:
    """Of an object to be created; empty if it has none yet, or is not written as JSON."""
    try:
        return _named.decode(body).metadata.name
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


class RequestAttempt(Attempt[Response]):
    """One request. `answer` answers it, or refuses it as it is told to; `hold` lets the program of a pod wait."""

    def __init__(
        self,
        operation: Operation,
        asked: Route,
        asker: Asker,
        answer: Callable[[ApiError | None], Response],
        hold: Callable[[str, float], None],
    ) -> None:
        self.operation = operation
        self._asked = asked
        self._asker = asker
        self._answer = answer
        self._hold = hold
        self._stream: Stream | None = None

    def do(self) -> Response:
        response = self._answer(None)
        self._stream = response.stream
        return response

    def unanswered(self) -> Exception:
        if self._stream is not None:
            self._stream.close()  # nobody will read it
        return NoAnswer()

    def conflict(self) -> Response:
        plural, group, name = self._asked.plural, self._asked.group, self._asked.name
        if self.operation.what == "create":
            return self._answer(already_exists(plural, group, self.operation.on.rpartition("/")[2]))
        return self._answer(conflict(plural, group, name, STALE))

    def late(self, seconds: float) -> Response:
        if self._asker.pod:
            self._hold(self._asker.pod, seconds)
        return replace(self.do(), late_s=seconds)

    def die(self) -> BaseException:
        unanswered = self.unanswered()
        if self._asker.pod:
            return Crash(self.operation)
        self.note = "no program in a pod, which could be killed: its connection ended"
        return unanswered


class NewsAttempt(Attempt[None]):
    """One line on its way to a watcher. `send(late_s=…)` sends it; `end(gone)` ends the watch."""

    def __init__(self, operation: Operation, send: Callable[..., None], end: Callable[[bool], None]) -> None:
        self.operation = operation
        self._send = send
        self._end = end

    def do(self) -> None:
        self._send()

    def late(self, seconds: float) -> None:
        self._send(late_s=seconds)

    def break_off(self, gone: bool) -> None:
        self._end(gone)
