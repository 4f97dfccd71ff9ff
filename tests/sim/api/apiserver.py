"""A bare API server and short ways to ask it, for the tests of its parts."""

from __future__ import annotations

import json
from typing import Any

from spo.sim.api.http import Request, Response, Stream
from spo.sim.api.server import ApiServer
from spo.sim.keys import Keys
from spo.sim.store import Store
from spo.sim.timeline import SECOND_NS, Timeline

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


class Bare:
    """An API server without controllers and without admission of ServiceAccounts."""

    def __init__(self, **options: Any) -> None:
        self.timeline = Timeline()
        self.store = Store(**options)
        self.server = ApiServer(self.store, self.timeline, Keys(self.timeline.rng), service_account_admission=False)

    def ask(
        self, method: str, path: str, body: Any = None, media_type: str = "", token: str = "admin-token", **query: Any
    ) -> Response:
        """`_continue=` and the like stand for query parameters that are words of Python."""
        pairs = tuple((name.lstrip("_"), str(value)) for name, value in query.items())
        headers = {"Authorization": f"Bearer {token}"}
        if media_type:
            headers["Content-Type"] = media_type
        data = b"" if body is None else json.dumps(body).encode()
        return self.server.handle(Request(method, path, pairs, headers, data))

    def get(self, path: str, **query: Any) -> Any:
        return json.loads(self.ask("GET", path, **query).body)

    def configmap(self, name: str, **labels: str) -> Any:
        body = {"metadata": {"name": name, "labels": labels}}
        return json.loads(self.ask("POST", CONFIGMAPS, body).body)

    def pod(self, name: str, node: str = "") -> Any:
        spec: dict[str, Any] = {"containers": [{"name": "c", "image": "images.test/busybox:1"}]}
        if node:
            spec["nodeName"] = node
        return json.loads(self.ask("POST", PODS, {"metadata": {"name": name}, "spec": spec}).body)

    def patch(self, path: str, body: Any) -> Response:
        return self.ask("PATCH", path, body, media_type="application/merge-patch+json")

    def watch(self, path: str, **query: Any) -> Stream:
        stream = self.ask("GET", path, watch="true", **query).stream
        assert stream is not None
        return stream

    def wait(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now_ns + round(seconds * SECOND_NS))


def names(listed: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def told(stream: Stream) -> list[tuple[str, str]]:
    """Type of event and name of object, of all that waits in a stream."""
    events = [json.loads(line) for line in stream.lines]
    stream.lines.clear()
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]
