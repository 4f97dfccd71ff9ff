"""Plays a recorded sequence against a face of a bare simulated API server; waiting is moving its timeline."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from spo.sim.api.access.authn import AUTHENTICATED, User
from spo.sim.api.features import DEFAULTS, Features
from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.server import ApiServer
from spo.sim.keys import Keys
from spo.sim.store import Store
from spo.sim.timeline import Timeline
from tests.conformance.golden_compare import Binding, Mismatch
from tests.conformance.servers import Face, InProcess

GOLDEN = Path(__file__).parent / "golden"
DIFFERENCES = Path(__file__).parent / "differences.md"
CRD_FILES = ("crd.json", "crd-things.json")  # the recorded server always had both
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TOKENS = {"alice-token": User("alice", ("dev", AUTHENTICATED), "alice")}
DEFAULT_HEADERS = {"Accept": "application/json", "Authorization": "Bearer admin-token"}
STREAM_S_MAX = 120
POLL_S = 0.3

Step = dict[str, Any]
World = tuple[ApiServer, Timeline]


def sequences(*profiles: str) -> Iterator[dict[str, Any]]:
    """The recorded sequences of some profiles, in order."""
    with (GOLDEN / "vectors.jsonl").open() as lines:
        for line in lines:
            sequence = json.loads(line)
            if sequence["profile"] in profiles:
                yield sequence


def differences() -> dict[str, str]:
    """Sequences that are known to differ, and why: the lines `- id: why` of differences.md."""
    lines = DIFFERENCES.read_text().splitlines()
    pairs = [line[2:].partition(": ") for line in lines if line.startswith("- ")]
    return {name: why for name, _, why in pairs}


def bare_world(features: Features = DEFAULTS, service_account_admission: bool = False) -> World:
    """An API server without controllers."""
    timeline = Timeline()
    server = ApiServer(
        Store(),
        timeline,
        Keys(timeline.rng),
        service_account_admission=service_account_admission,
        features=features,
        tokens=TOKENS,
    )
    return server, timeline


WORLDS: dict[str, Callable[[], World]] = {  # by profile
    "api": bare_world,
    "api-extra": bare_world,
    "compaction": bare_world,
    "restart": bare_world,
    "no-watch-cache": lambda: bare_world(Features(watch_cache=False)),
    "watchlist-off": lambda: bare_world(Features(watch_list=False)),
    "serviceaccount-on": lambda: bare_world(service_account_admission=True),
}


def play(
    sequence: dict[str, Any],
    make_world: Callable[[], World] = bare_world,
    show: Callable[[ApiServer, Timeline], Face] = InProcess,
) -> None:
    """Raises Mismatch at the first step that answers differently."""
    server, timeline = make_world()
    with closing(show(server, timeline)) as face:
        _play(sequence, Player(face, server.features))


def _play(sequence: dict[str, Any], player: Player) -> None:
    for name in CRD_FILES:
        player.install(json.loads((GOLDEN / name).read_text()))
    for part in ("setup", "steps"):
        for index, step in enumerate(sequence[part]):
            try:
                player.step(step)
            except Mismatch as fault:
                raise Mismatch(f"{part}[{index}] {_place(step)}: {fault}") from None
    player.binding.check_order()


class Player:
    """One sequence under way."""

    def __init__(self, face: Face, features: Features = DEFAULTS) -> None:
        self._face = face
        self._features = features
        self._open: dict[str, Stream] = {}
        self.binding = Binding()

    def install(self, crd: dict[str, Any]) -> None:
        """A CRD, established."""
        headers = {"Authorization": "Bearer admin-token"}
        (response,) = self._face.send(Request("POST", CRDS, headers=headers, body=json.dumps(crd).encode()))
        if response.status != 201:
            raise Mismatch(f"cannot install the CRD: {response.body!r}")
        self._face.wait(1.0)

    def step(self, step: Step) -> None:
        if "sleep_ms" in step:
            self._face.wait(step["sleep_ms"] / 1000)
        elif "collect" in step:
            self._collect(step)
        elif "open" in step:
            (response,) = self._face.send(self._request(step["request"]))
            self._check_status(step["response"], response)
            assert response.stream is not None
            self._open[step["open"]] = response.stream
        elif step.get("action") == "concurrent":
            self._concurrent(step)
        elif step.get("action") == "restart-server":
            self._face.restart()
        elif step.get("action") == "compact":
            # With a watch cache the log is the cache, which a compaction of the store does not touch.
            if not self._features.watch_cache:
                self._face.compact(int(self.binding.fill(step["resourceVersion"])))
        elif "action" in step or "request" not in step:
            raise Mismatch(f"this player cannot do {sorted(step)}")
        else:
            self._ask(step)

    def _ask(self, step: Step) -> None:
        tries = 1 + int(step.get("poll", {}).get("max_s", 0) / POLL_S)
        for left in reversed(range(tries)):
            trial = Binding(self.binding)
            try:
                (response,) = self._face.send(self._request(step["request"]))
                self._compare(_comparable(step), response, trial)
            except Mismatch:
                if not left:
                    raise
                self._face.wait(POLL_S)
            else:
                self.binding.update(trial)
                return

    def _compare(self, want: Step, got: Response, binding: Binding) -> None:
        text = self._read(got)
        if ("Content-Encoding", "gzip") in got.headers:
            text = gzip.decompress(text)
        if want["status"] == 0:  # the recorded server panicked and dropped the connection: ours only has to refuse
            if got.status < 400:
                raise Mismatch(f"status {got.status}, want a refusal")
            return
        self._check_status(want, got)
        binding.headers(want.get("headers", {}), got.headers)
        partial = want.get("partial", False)
        if "stream" in want:
            events = [json.loads(line) for line in text.splitlines()]
            binding.same(_telling(want["stream"]), _telling(events), "stream", partial)
        elif "body" in want:
            binding.same(want["body"], json.loads(text), "", partial)
        elif "text" in want and not partial:
            binding.text(want["text"], text.decode(errors="replace"), "text")

    def _check_status(self, want: Step, got: Response) -> None:
        if got.status != want["status"]:
            raise Mismatch(f"status {got.status}, want {want['status']}: {got.body[:600]!r}")

    def _read(self, response: Response) -> bytes:
        """The whole body; of a watch, all until it ends."""
        stream = response.stream
        if stream is None:
            return response.body
        for _ in range(STREAM_S_MAX):
            if stream.closed:
                break
            self._face.wait(1.0)
        return b"".join(stream.lines)

    def _collect(self, step: Step) -> None:
        stream, events = self._open[step["collect"]], []
        idle_s = step["idle_ms"] / 1000
        while True:
            self._face.wait(0.0 if stream.lines else idle_s)
            if not stream.lines:
                break
            events += [json.loads(line) for line in stream.lines]
            stream.lines.clear()
        self.binding.same(_telling(step["stream"]), _telling(events), "stream")
        if stream.closed != step["ended"]:
            raise Mismatch(f"stream ended: want {step['ended']}, got {stream.closed}")

    def _concurrent(self, step: Step) -> None:
        """What the recording shows is that all succeed."""
        asked = json.dumps(step["request"])
        requests = [self._request(json.loads(asked.replace("{i}", str(index)))) for index in range(step["count"])]
        statuses = sorted(response.status for response in self._face.send(*requests))
        if statuses != step["response"]["statuses"]:
            raise Mismatch(f"statuses {statuses}")

    def _request(self, asked: Step) -> Request:
        fill = self.binding.fill
        headers = {
            "Accept": "application/json",
            "Authorization": "Bearer admin-token",
            **fill(asked.get("headers") or {}),
        }
        query = tuple((str(name), str(value)) for name, value in fill(asked.get("query") or {}).items())
        body = b""
        if "text" in asked:
            body = fill(asked["text"]).encode("latin1" if "\0" in asked["text"] else "utf8")
        elif "body" in asked:
            body = json.dumps(fill(asked["body"])).encode()
        headers = {name: value for name, value in headers.items() if value is not None}
        return Request(asked["method"], fill(asked["path"]), query, headers, body)


def _place(step: Step) -> str:
    asked = step.get("request", {})
    return f"{asked.get('method', step.get('collect', ''))} {asked.get('path', '')} {asked.get('query', '')}"


def _comparable(step: Step) -> Step:
    """What is recorded of an answer, less what depends on the build."""
    asked, want = step["request"], dict(step["response"])
    if "verbose" in (asked.get("query") or {}):
        del want["text"]
    if asked["path"].rstrip("/") == "/version" and "body" in want:
        want["body"] = {name: want["body"][name] for name in ("major", "minor") if name in want["body"]}
        want["partial"] = True
    return want


def _telling(events: list[Step]) -> list[Step]:
    """Without plain bookmarks, which come when they like."""
    return [e for e in events if e.get("type") != "BOOKMARK" or "annotations" in e["object"].get("metadata", {})]
