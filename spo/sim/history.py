"""The fingerprint of a run: one hash over everything that was asked, what came of it, and when."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from spo.sim.api.http import Request, Response
from spo.sim.timeline import Timeline

FORMAT = 2  # what goes into the hash and how: raise it with any change, or hashes are compared that cannot be

# What a request leaves behind is in the revision; who asked is in `Authorization`, and tokens are made from the seed.
HEADERS = ("accept", "authorization", "content-type")


class History:
    """SHA-256 over one line of canonical JSON an entry: simulated time, door, request, outcome, revision.

    The same seed and input give the same hash on every Python version and under every PYTHONHASHSEED.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._hash = hashlib.sha256()
        self._encode = msgspec.json.Encoder(order="sorted").encode
        self.entries = 0
        self._enter(["format", FORMAT])

    def request(self, request: Request, response: Response, revision: int) -> None:
        """A request to the API server was answered; `revision` is the store's after it."""
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() in HEADERS}
        asked = [request.method, request.path, request.query, headers, _text(request.body)]
        said = _text(response.body) if response.status >= 400 else ""
        self._enter([self._timeline.now_ns, "api", asked, [response.status, said], revision])

    def file(self, node: str, path: str, data: bytes | None, revision: int) -> None:
        """A file on a node's disk has these bytes now (`None`: it is gone)."""
        outcome = "removed" if data is None else hashlib.sha256(data).hexdigest()
        self._enter([self._timeline.now_ns, "disk", [node, path], outcome, revision])

    def digest(self) -> str:
        """The hash of all so far: 64 hex digits."""
        return self._hash.hexdigest()

    def _enter(self, entry: list[Any]) -> None:
        self._hash.update(self._encode(entry))
        self._hash.update(b"\n")
        self.entries += 1


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
