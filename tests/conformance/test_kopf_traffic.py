"""What a kopf operator asked a real server, and what it was told while others wrote to the object it handles.

The recording holds the operator's own requests and the events it was sent. It never writes the spec: an event with
another spec tells what somebody else did. Those requests are made up from it, and their answer is the event's object.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from spo.sim.api.http import Request
from tests.conformance.servers import InProcess, OverHttps
from tests.conformance.test_traffic import a_cluster
from tests.conformance.traffic import NAMESPACE, TRAFFIC, Player, Record, different

GROUP = "/apis/security-profiles-operator.x-k8s.io/v1beta1"
PROFILES = f"{GROUP}/namespaces/{NAMESPACE}/seccompprofiles"
OTHERS_WROTE = 5  # created, three numbers of replicas, deleted
ADMIN = {"Authorization": "Bearer admin-token", "Content-Type": "application/json"}
MERGE = {**ADMIN, "Content-Type": "application/merge-patch+json"}


def recording() -> list[Record]:
    return [json.loads(line) for line in (TRAFFIC / "kopf.ndjson").read_text().splitlines()]


def events() -> list[Any]:
    return [each["event"] for each in recording() if each.get("stream_of", "").startswith(PROFILES)]


def session() -> Iterator[Record]:
    """The operator's requests, and between them those of others."""
    seen: Any = None
    for each in recording():
        if "method" in each:
            yield each
        elif each.get("stream_of", "").startswith(PROFILES):
            now = each["event"]["object"]
            facts = (now["spec"], now["metadata"].get("deletionTimestamp"))
            if facts != seen:
                yield move_of_others(each["event"])
            seen = facts


def move_of_others(event: Any) -> Record:
    now = event["object"]
    path, status = f"{PROFILES}/{now['metadata']['name']}", 200
    headers, body = MERGE, {"metadata": {"annotations": now["metadata"]["annotations"]}, "spec": now["spec"]}
    match event["type"], now["metadata"].get("deletionTimestamp"):
        case "ADDED", _:
            kept = {name: now["metadata"][name] for name in ("name", "annotations")}
            method, path, status, headers, body = "POST", PROFILES, 201, ADMIN, {**now, "metadata": kept}
        case _, None:
            method = "PATCH"
        case _:
            method, headers, body = "DELETE", ADMIN, {"propagationPolicy": "Background"}
    asked = {"method": method, "path": path, "query": "", "headers": headers, "request_body": body}
    return {**asked, "status": status, "response_body": now}


def test_others_wrote_between_the_operators_requests() -> None:
    own = sum("method" in each for each in recording())

    assert sum(1 for _ in session()) == own + OTHERS_WROTE


@pytest.mark.parametrize("show", [InProcess, OverHttps])
def test_an_operator_is_told_what_it_was_told(show: Any) -> None:
    cluster = a_cluster(made_by_client=False)
    began = str(cluster.store.revision)
    with closing(show(cluster.api, cluster.timeline)) as face:
        assert list(Player(face).play(list(session()))) == []

        query = (("watch", "true"), ("resourceVersion", began))
        (watched,) = face.send(Request("GET", PROFILES, query, ADMIN))
        face.wait(1.0)
        assert watched.stream is not None
        told = [json.loads(line) for line in watched.stream.lines]

    assert list(different(events(), told)) == []
    assert [event["type"] for event in told] == [event["type"] for event in events()]
