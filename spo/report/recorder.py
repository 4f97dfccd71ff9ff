"""Listens to a simulated world from outside (commits, requests, disks) and keeps what a person wants to be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace

from spo.report import hints
from spo.report.describe import YOU, Actor, describe, named
from spo.report.timeline import Fact
from spo.sim.api.http import Request, Response
from spo.sim.api.status import ApiError
from spo.sim.history import History
from spo.sim.keys import read_service_account_token
from spo.sim.store import Change, Store, StoreKey
from spo.sim.timeline import Timeline

ADMIN = "admin"
OPERATOR_ACCOUNTS = {"security-profiles-operator": "manager", "spod": "daemon"}
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PROFILES = "/seccomp/operator/"  # in the path of each of our files
OWN_PROFILE = ("operator", "its own", "seccomp profile")  # by a daemon, or before a pod of ours starts


class Recorder:
    """Facts in order of time. Who made a commit is known when the request that made it is answered."""

    def __init__(self, timeline: Timeline, store: Store, operator_namespace: str, history: History) -> None:
        self.facts: list[Fact] = []
        self.history = history
        self._timeline = timeline
        self._store = store
        self._operator_namespace = operator_namespace
        self._uncredited: list[Change] = []
        self._muted = False
        store.subscribe(self._commit)

    def tell(self, fact: Fact) -> None:
        """Add a fact of one's own, now."""
        self.facts.append(replace(fact, at_ns=self._timeline.now_ns))

    @contextmanager
    def muted(self) -> Iterator[None]:
        """What happens inside goes into the history, but not into the timeline."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False
            self._uncredited.clear()

    def request(self, request: Request, user: str, response: Response) -> None:
        """A request was answered: the commits since the last one are `user`'s."""
        self.history.request(request, response, self._store.revision)
        changes, self._uncredited = self._uncredited, []
        if changes:
            actor = self._actor(user, request)
            for change in changes:
                self._tell_all(describe(change, actor))
        if response.status >= 400 and user == ADMIN and request.method in WRITES and not self._muted:
            self.tell(_refusal(request, response))

    def file(self, node: str, path: str, data: bytes | None) -> None:
        """A file on a node's disk changed."""
        self.history.file(node, path, data, self._store.revision)
        _, ours, name = path.partition(PROFILES)
        if ours:
            verb = "removed" if data is None else "wrote"
            who, noun, subject = ("daemon", "file", f"operator/{name}") if "/" in name else OWN_PROFILE
            self._tell_all([Fact(0, who, verb, noun, subject, node=node)])

    def _commit(self, change: Change) -> None:
        if not self._muted:
            self._uncredited.append(change)

    def _tell_all(self, facts: list[Fact]) -> None:
        if not self._muted:
            for fact in facts:
                self.tell(fact)

    def _actor(self, user: str, request: Request) -> Actor:
        if user == ADMIN:
            return Actor(YOU)
        parts = user.split(":")
        if parts[:2] == ["system", "node"]:
            return Actor("kubelet", parts[-1])
        if parts[:2] == ["system", "serviceaccount"] and parts[2] == self._operator_namespace:
            who = OPERATOR_ACCOUNTS.get(parts[3], parts[3])
            return Actor(who, self._node_of(request) if who == "daemon" else "")
        return Actor(parts[-1].replace("-", " "))

    def _node_of(self, request: Request) -> str:
        """The node of the pod that a token was made for."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        account = read_service_account_token(token)
        pod = self._store.get(StoreKey("pods", account[0], account[3])) if account else None
        return pod.node if pod else ""


def _refusal(request: Request, response: Response) -> Fact:
    try:
        status = msgspec.json.decode(response.body)
        error = ApiError(response.status, "", str(status["message"]), status.get("details"))
    except (msgspec.DecodeError, KeyError, TypeError):
        error = ApiError(response.status, "", f"HTTP {response.status}")
    return Fact(0, "API server", "refused", "", _subject(request), "", hints.message(error), tone="bad")


def _subject(request: Request) -> str:
    try:
        obj = msgspec.json.decode(request.body)
        metadata = obj["metadata"]
        name = metadata.get("name") or metadata["generateName"]
        return f"{obj['kind']} {named(metadata.get('namespace', ''), name)}"
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"{request.method} {request.path}"
