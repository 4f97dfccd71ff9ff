"""What the recorded sequences do not show: versions of a CRD, accounts of pods, refusals by name, observers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.sim.api.access.authn import User
from spo.sim.api.http import Request, Response
from spo.sim.api.server import ApiServer
from spo.sim.keys import Keys
from spo.sim.store import Store
from spo.sim.timeline import Timeline
from tests.sim.api.apiserver import CONFIGMAPS, PODS, Bare, told

GIZMOS = "/apis/example.com/{}/namespaces/default/gizmos"


def gizmo_crd(*versions: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "metadata": {"name": "gizmos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "gizmos", "kind": "Gizmo"},
            "versions": [
                {"name": name, "served": True, "storage": name == versions[0], "schema": {"openAPIV3Schema": schema}}
                for name in versions
            ],
        },
    }


@pytest.fixture
def bare() -> Bare:
    return Bare()


def with_gizmos(bare: Bare, *versions: str) -> Bare:
    made = bare.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", gizmo_crd(*versions))
    assert made.status == 201, made.body
    bare.wait(1)
    return bare


def make_gizmo(bare: Bare, version: str, name: str) -> None:
    body = {"apiVersion": f"example.com/{version}", "kind": "Gizmo", "metadata": {"name": name}, "spec": {"a": 1}}
    made = bare.ask("POST", GIZMOS.format(version), body)
    assert made.status == 201, made.body


def test_an_object_is_seen_in_every_version_of_its_kind(bare: Bare) -> None:
    with_gizmos(bare, "v2", "v1")
    new, old = bare.watch(GIZMOS.format("v2")), bare.watch(GIZMOS.format("v1"))
    make_gizmo(bare, "v1", "a")

    seen = [
        bare.get(GIZMOS.format("v1") + "/a"),
        bare.get(GIZMOS.format("v2") + "/a"),
        bare.get(GIZMOS.format("v1"))["items"][0],
        bare.get(GIZMOS.format("v2"))["items"][0],
        json.loads(old.lines[-1])["object"],
        json.loads(new.lines[-1])["object"],
    ]

    assert [one["apiVersion"].rpartition("/")[2] for one in seen] == ["v1", "v2"] * 3
    assert len({json.dumps({**one, "apiVersion": ""}, sort_keys=True) for one in seen}) == 1


def test_a_definition_goes_after_the_last_of_its_objects(bare: Bare) -> None:
    with_gizmos(bare, "v1")
    make_gizmo(bare, "v1", "a")
    make_gizmo(bare, "v1", "b")
    bare.patch(GIZMOS.format("v1") + "/b", {"metadata": {"finalizers": ["example.com/hold"]}})
    stream = bare.watch(GIZMOS.format("v1"), resourceVersion=bare.store.revision)

    bare.ask("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gizmos.example.com")
    bare.wait(5)
    assert told(stream) == [("DELETED", "a"), ("MODIFIED", "b")]
    bare.patch(GIZMOS.format("v1") + "/b", {"metadata": {"finalizers": None}})
    bare.wait(5)

    assert told(stream) == [("DELETED", "b")]
    assert stream.closed
    assert bare.ask("GET", GIZMOS.format("v1")).status == 404
    assert bare.ask("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gizmos.example.com").status == 404


def test_a_watch_from_before_a_kind_was_served_is_too_old(bare: Bare) -> None:
    before = bare.store.revision
    with_gizmos(bare, "v1")

    event = json.loads(bare.watch(GIZMOS.format("v1"), resourceVersion=before).lines[0])

    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_who_no_longer_waits_for_dependants_goes_in_one_revision_as_it_stood(bare: Bare) -> None:
    bare.configmap("a")
    bare.ask("DELETE", f"{CONFIGMAPS}/a", {"propagationPolicy": "Foreground"})
    before = bare.store.revision
    stream = bare.watch(CONFIGMAPS, resourceVersion=before)

    bare.ask("DELETE", f"{CONFIGMAPS}/a", {"propagationPolicy": "Background"})

    (event,) = [json.loads(line) for line in stream.lines]
    assert (event["type"], bare.store.revision) == ("DELETED", before + 1)
    assert event["object"]["metadata"]["finalizers"] == ["foregroundDeletion"]


def test_a_pod_gets_its_account_and_is_refused_without_one() -> None:
    bare = Bare()
    server = ApiServer(bare.store, bare.timeline, Keys(bare.timeline.rng), service_account_admission=True)
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "images.test/busybox:1"}]}}
    request = Request("POST", PODS, (), {"Authorization": "Bearer admin-token"}, json.dumps(pod).encode())

    refused = server.handle(request)
    bare.ask("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    accepted = server.handle(request)

    assert refused.status == 403
    assert 'serviceaccount "default" not found' in json.loads(refused.body)["message"]
    assert json.loads(accepted.body)["spec"]["serviceAccountName"] == "default"


@pytest.mark.parametrize("below", ["attach", "exec", "portforward"])
def test_what_is_not_simulated_is_refused_by_name(bare: Bare, below: str) -> None:
    assert bare.ask("GET", f"{PODS}/p/{below}").status == 404
    bare.pod("p")

    refusal = bare.get(f"{PODS}/p/{below}")

    assert (refusal["code"], refusal["message"]) == (501, f"pods/{below} is not served by this simulated API server")


def test_the_first_namespaces_cannot_be_deleted(bare: Bare) -> None:
    assert bare.ask("DELETE", "/api/v1/namespaces/kube-system").status == 403


def test_observers_hear_of_each_request_after_it_was_answered(bare: Bare) -> None:
    heard: list[tuple[str, str, int]] = []

    def observe(request: Request, user: User, response: Response) -> None:
        heard.append((request.method, user.name, response.status))

    bare.server.observers.append(observe)
    bare.configmap("a")
    bare.ask("GET", CONFIGMAPS, token="nobody")

    assert heard == [("POST", "admin", 201), ("GET", "system:anonymous", 401)]


def test_the_same_requests_make_the_same_history() -> None:
    def history() -> list[bytes]:
        bare = Bare()
        for index in range(5):
            bare.ask("POST", CONFIGMAPS, {"metadata": {"generateName": "g-"}})
            bare.pod(f"p{index}")
        return [record.body for resource in bare.store.resources() for record in bare.store.scan(resource)]

    assert history() == history()


def test_a_server_over_a_store_with_definitions_serves_them_at_once(bare: Bare) -> None:
    with_gizmos(bare, "v1")
    make_gizmo(bare, "v1", "a")

    again = ApiServer(bare.store, bare.timeline, Keys(bare.timeline.rng))
    response = again.handle(Request("GET", GIZMOS.format("v1") + "/a", (), {"Authorization": "Bearer admin-token"}))

    assert response.status == 200


def test_rights_are_not_asked_for_when_that_is_switched_off() -> None:
    timeline = Timeline()
    server = ApiServer(Store(), timeline, Keys(timeline.rng), authorize=False)

    assert server.handle(Request("GET", "/api/v1/secrets")).status == 200


def test_who_drops_all_that_was_applied_is_no_longer_named(bare: Bare) -> None:
    empty = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}

    def applied(body: Any) -> Any:
        answer = bare.ask("PATCH", f"{CONFIGMAPS}/a", body, "application/apply-patch+yaml", fieldManager="m1")
        return json.loads(answer.body)["metadata"]

    assert [entry["manager"] for entry in applied({**empty, "data": {"k": "1"}})["managedFields"]] == ["m1"]
    assert "managedFields" not in applied(empty)
