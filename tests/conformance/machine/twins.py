"""One or two API servers that are asked the same, and what they answer, without what no two servers have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from spo.doors.wire import JSON, MERGE_PATCH, ApiRequest
from spo.model.resource import NAMESPACES, Resource
from spo.sim.api.access.authn import ADMIN_TOKEN
from spo.sim.api.http import Request
from tests.conformance.cluster.worlds import Real, Simulated

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER = re.compile(r"\b\d+\b")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NOT_OURS = "kube-root-ca.crt"  # a controller's, in every namespace
WHOLE_OBJECT = re.compile(r'\\"\{.*\}\\"')
MISTYPED = "failed to create typed patch object"
LAST = "the-last"  # no watch is listened to for longer


class Twin:
    """A world, and what it said of each object: versions and uids in the order in which they were first heard."""

    def __init__(self, world: Any, namespace: str) -> None:
        self.world = world
        self.namespace = namespace
        self._versions: dict[tuple[str, str], list[str]] = {}
        self._uids: dict[tuple[str, str], list[str]] = {}
        world.send(
            ApiRequest("POST", NAMESPACES.path(), (), JSON, json.dumps({"metadata": {"name": namespace}}).encode())
        )

    def ask(self, call: ApiRequest) -> tuple[int, Any]:
        return self.world.send(call)  # type: ignore[no-any-return]

    def version(self, resource: Resource, name: str, back: int) -> str:
        """A version that the object once had: 0 is the last one heard of; "1" if it never was."""
        heard = self._versions.get((resource.plural, name), [])
        return heard[-1 - back] if len(heard) > back else "1"

    def uid(self, resource: Resource, name: str, back: int) -> str:
        heard = self._uids.get((resource.plural, name), [])
        return heard[-1 - back] if len(heard) > back else "00000000-0000-4000-8000-000000000000"

    def heard(self, resource: Resource, obj: Any) -> Any:
        """The object with versions and uids as ordinals; managed fields and times are left out."""
        if not isinstance(obj, dict) or "metadata" not in obj or obj.get("kind") == "Status":
            return obj
        metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
        place = (resource.plural, metadata.get("name", ""))
        if "resourceVersion" in metadata and place[1]:
            metadata["resourceVersion"] = _ordinal(self._versions.setdefault(place, []), metadata["resourceVersion"])
        if "uid" in metadata:
            metadata["uid"] = _ordinal(self._uids.setdefault(place, []), metadata["uid"])
        return {**obj, "metadata": _without_times(metadata)}

    def listed(self, resource: Resource, query: tuple[tuple[str, str], ...] = ()) -> Any:
        status, body = self.ask(ApiRequest("GET", resource.path(self.namespace), query))
        if status != 200:
            return status, general(body)
        return status, [self.heard(resource, item) for item in body["items"] if item["metadata"]["name"] != NOT_OURS]

    def revision(self) -> str:
        """Of now."""
        status, body = self.ask(ApiRequest("GET", NAMESPACES.path(), (("limit", "1"),)))
        assert status == 200
        return str(body["metadata"]["resourceVersion"])

    def watched(self, resource: Resource, since: str, query: tuple[tuple[str, str], ...]) -> list[tuple[str, Any]]:
        """What a watch from there says, until the object named LAST comes, which must be there."""
        events: list[tuple[str, Any]] = []
        asked = (*query, ("watch", "true"), ("resourceVersion", since), ("timeoutSeconds", "20"))
        for line in self._lines(ApiRequest("GET", resource.path(self.namespace), asked)):
            event = json.loads(line)
            name = event["object"]["metadata"].get("name")
            if name == LAST:
                return events
            if name != NOT_OURS:
                events.append((event["type"], self.heard(resource, event["object"])))
        raise AssertionError(f"the watch of {resource.plural} from {since} ended early: {events}")

    def _lines(self, call: ApiRequest) -> Iterator[bytes]:
        if isinstance(self.world, Simulated):
            headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
            response = self.world.api.handle(Request(call.method, call.path, call.query, headers))
            assert response.stream is not None, response
            response.stream.close()
            yield from response.stream.lines
        else:
            assert isinstance(self.world, Real)
            with self.world._transport.stream(call, 20) as lines:
                assert not hasattr(lines, "status"), lines
                yield from lines  # type: ignore[misc]


def general(body: Any) -> Any:
    """A refusal without what differs from server to server."""
    if not isinstance(body, dict) or body.get("kind") != "Status":
        return body
    details = {name: value for name, value in (body.get("details") or {}).items() if name != "uid"}
    words = {name: body.get(name) for name in ("status", "reason", "code")}
    message = body.get("message", "")
    # A real server goes through a schema in no particular order: of two faults it may tell either first, or alone.
    if len(details.get("causes", ())) > 1:
        message = message.partition("is invalid")[0]
        details["causes"] = sorted({json.dumps(cause, sort_keys=True) for cause in details["causes"]})  # or twice
    if message.startswith(MISTYPED):
        message = MISTYPED
    return {**words, "said": _blurred(json.dumps([message, details], sort_keys=True, ensure_ascii=False))}


def _blurred(text: str) -> str:
    text = WHOLE_OBJECT.sub("an object", text)  # with its managed fields, and in another order
    return NUMBER.sub("N", STAMP.sub("T", UUID.sub("U", text)))


def _ordinal(heard: list[str], value: str) -> int:
    if value not in heard:
        heard.append(value)
    return heard.index(value)


def _without_times(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "some time" if name.endswith("Timestamp") else value for name, value in metadata.items()}


def patch_type(kind: str) -> str:
    return {
        "merge": MERGE_PATCH,
        "json": "application/json-patch+json",
        "strategic": "application/strategic-merge-patch+json",
        "apply": "application/apply-patch+yaml",
    }[kind]
