"""What programs in Go rely on, as Kubernetes' own end-to-end tests do (`hack/conformance.py`)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.sim.api.encoding import protobuf
from spo.sim.api.encoding import protobuf_wire as wire
from spo.sim.api.http import Request, Response
from tests.sim.api.apiserver import CONFIGMAPS, Bare

PROTOBUF = "application/vnd.kubernetes.protobuf"
METADATA_LIST = (
    f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
THINGS = "/apis/example.com/v1/things"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


@pytest.fixture
def bare() -> Bare:
    return Bare()


def ask(bare: Bare, method: str, path: str, body: bytes = b"", query: str = "", **headers: str) -> Response:
    named = {"Authorization": "Bearer admin-token", **{name.replace("_", "-"): text for name, text in headers.items()}}
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return bare.server.handle(Request(method, path, tuple((name, text) for name, _, text in pairs), named, body))


def message(response: Response) -> str:
    return str(json.loads(response.body)["message"])


def install(bare: Bare, schema: Any) -> None:
    """Let `things` be served, with this schema."""
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "kind": "Thing"}
    spec = {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    path = f"{CRDS}/things.example.com"
    standing = bare.ask("GET", path)
    if standing.status == 404:
        bare.ask("POST", CRDS, {**crd, "metadata": {"name": "things.example.com"}})
    else:
        bare.patch(path, {"spec": spec})
    bare.wait(1)


# -- protobuf ----------------------------------------------------------------------------------------------------


def frames(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Type and object of each event in a watch's bytes."""
    found = []
    while data:
        length = int.from_bytes(data[:4], "big")
        event, data = dict(wire.fields(data[4 : 4 + length])), data[4 + length :]
        raw = dict(wire.fields(event[2]))[1]  # type: ignore[arg-type]
        found.append((event[1].decode(), protobuf.decode(raw)))  # type: ignore[union-attr, arg-type]
    return found


def test_a_watch_comes_in_frames_for_who_reads_nothing_but_protobuf(bare: Bare) -> None:
    bare.configmap("a")
    response = ask(bare, "GET", CONFIGMAPS, query="watch=true", Accept=PROTOBUF)
    bare.ask("DELETE", f"{CONFIGMAPS}/a")

    assert ("Content-Type", f"{PROTOBUF};stream=watch") in response.headers
    assert response.stream is not None
    events = frames(b"".join(response.stream.lines))
    assert [(kind, obj["kind"], obj["metadata"]["name"]) for kind, obj in events] == [
        ("ADDED", "ConfigMap", "a"), ("DELETED", "ConfigMap", "a"),
    ]  # fmt: skip


def test_who_likes_protobuf_best_gets_metadata_in_it_without_types(bare: Bare) -> None:
    bare.configmap("a", tier="front")
    response = ask(bare, "GET", CONFIGMAPS, Accept=METADATA_LIST)

    assert ("Content-Type", PROTOBUF) in response.headers
    (item,) = protobuf.decode(response.body)["items"]
    assert item.keys() == {"metadata"}
    assert item["metadata"]["labels"] == {"tier": "front"}


def test_a_refusal_is_told_in_json_even_then(bare: Bare) -> None:
    response = ask(bare, "GET", f"{CONFIGMAPS}/none", Accept=METADATA_LIST.replace("List", ""))

    assert response.status == 404
    assert json.loads(response.body)["reason"] == "NotFound"


def test_a_lease_may_be_renewed_in_the_first_year(bare: Bare) -> None:
    seconds = -62135596800 + 2  # since 1970: two seconds into the year 1
    spec = wire.text(1, "me") + wire.field(4, wire.field(1, seconds) + wire.field(2, 0))
    raw = wire.field(1, wire.text(1, "l")) + wire.field(2, spec)
    about = wire.field(1, wire.text(1, "coordination.k8s.io/v1") + wire.text(2, "Lease"))
    body = protobuf.MAGIC + about + wire.field(2, raw)
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    response = ask(bare, "POST", path, body, Content_Type=PROTOBUF)

    assert json.loads(response.body)["spec"]["renewTime"] == "0001-01-01T00:00:02.000000Z"


# -- forms and options -------------------------------------------------------------------------------------------


def test_a_review_is_no_table(bare: Bare) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    body = json.dumps({"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}}).encode()
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"

    assert ask(bare, "POST", path, body, Accept=table).status == 406
    assert ask(bare, "POST", path, body, Accept=f"{table},application/json").status == 201


@pytest.mark.parametrize(("timeout", "status"), [("0s", 200), ("1h2m3.5s", 200), ("60", 400), ("soon", 400)])
def test_a_time_out_must_be_a_duration(bare: Bare, timeout: str, status: int) -> None:
    response = ask(bare, "GET", CONFIGMAPS, query=f"timeout={timeout}")

    assert response.status == status
    if status == 400:
        assert message(response) == (
            f'invalid timeout specified in the request URL - time: invalid duration "{timeout}"'
        )


def test_events_are_selected_by_who_reports_them(bare: Bare) -> None:
    event = {"eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "action": "a", "reason": "r"}
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    for name in ("one", "two"):
        more = {"reportingController": name, "reportingInstance": "i", "regarding": {"namespace": "default"}}
        assert bare.ask("POST", path, {"metadata": {"name": name}, **event, **more}).status == 201

    found = bare.get(path, fieldSelector="reportingController=two")
    assert [item["metadata"]["name"] for item in found["items"]] == ["two"]


def test_health_is_told_check_by_check(bare: Bare) -> None:
    told = ask(bare, "GET", "/readyz", query="verbose=1").body.decode().splitlines()

    assert {"[+]etcd ok", "[+]informer-sync ok", "[+]poststarthook/crd-informer-synced ok"} <= set(told)
    assert ask(bare, "GET", "/livez/poststarthook/bootstrap-controller").status == 200
    assert ask(bare, "GET", "/livez/nothing").status == 404


def test_the_api_server_is_found_by_its_service(bare: Bare) -> None:
    service = bare.get("/api/v1/namespaces/default/services/kubernetes")
    slices = bare.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")

    assert service["spec"]["clusterIP"] == "10.96.0.1"
    assert slices["endpoints"][0]["conditions"]["ready"] is True


# -- bodies ------------------------------------------------------------------------------------------------------


def test_problems_of_a_body_are_told_in_its_order(bare: Bare) -> None:
    body = b'{"metadata":{"name":"a"},"first":1,"data":{"k":"1","k":"2"},"last":1}'
    response = ask(bare, "POST", CONFIGMAPS, body, "fieldValidation=Strict", Content_Type="application/json")

    assert message(response).partition("strict decoding error: ")[2] == (
        'unknown field "first", duplicate field "data.k", unknown field "last"'
    )


def test_yaml_between_brackets_may_have_tabs_and_a_last_comma(bare: Bare) -> None:
    body = (
        b'{\n\t"apiVersion": "v1",\n\t"kind":\t"ConfigMap", "metadata": {"name": "a"},\n\t"data": {\t"k": "v",\n\t},\n}'
    )
    response = ask(bare, "PATCH", f"{CONFIGMAPS}/a", body, "fieldManager=m", Content_Type=APPLY)

    assert (response.status, json.loads(response.body)["data"]) == (201, {"k": "v"})


REPEATED = b"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  k: "1"
  k: "2"
"""
COMPLAINT = 'error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key "k" already set in map'


def test_a_key_that_is_applied_twice_is_told_with_its_line(bare: Bare) -> None:
    def applied(validation: str) -> Response:
        query = f"fieldManager=m&fieldValidation={validation}"
        return ask(bare, "PATCH", f"{CONFIGMAPS}/a", REPEATED, query, Content_Type=APPLY)

    assert message(applied("Strict")) == f"error strict decoding YAML: {COMPLAINT}"
    assert ("Warning", f"299 - {json.dumps(COMPLAINT)}") in applied("Warn").headers
    assert all(name != "Warning" for name, _ in applied("Ignore").headers)


def test_all_fields_that_nobody_knows_are_told_to_who_applies_them(bare: Bare) -> None:
    body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","odd":1},"odder":1}'
    response = ask(bare, "PATCH", f"{CONFIGMAPS}/a", body, "fieldManager=m", Content_Type=APPLY)

    assert message(response).partition("): ")[2] == (
        "errors:\n  .metadata.odd: field not declared in schema\n  .odder: field not declared in schema"
    )


# -- custom resources --------------------------------------------------------------------------------------------


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_a_default_that_came_later_is_read_and_stored_with_the_next_write(bare: Bare) -> None:
    install(bare, an_object(a={"type": "string"}, old={"type": "string"}))
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "old": "x"}
    made = json.loads(bare.ask("POST", THINGS, thing).body)
    install(bare, an_object(a={"type": "string", "default": "A"}))

    read = bare.get(f"{THINGS}/t")
    assert (read["a"], read.get("old")) == ("A", None)
    assert bare.get(THINGS)["items"] == [read]
    assert read["metadata"] == made["metadata"]

    written = json.loads(bare.patch(f"{THINGS}/t", {}).body)
    install(bare, an_object(a={"type": "string", "default": "B"}))
    assert written["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    assert bare.get(f"{THINGS}/t")["a"] == "A"


def test_a_definition_lives_on_with_a_condition_that_says_nothing(bare: Bare) -> None:
    install(bare, an_object())
    path = f"{CRDS}/things.example.com"
    patch = json.dumps({"status": {"conditions": [{"message": "patched"}]}}).encode()

    assert ask(bare, "PATCH", f"{path}/status", patch, Content_Type=MERGE).status == 200
    bare.wait(1)
    assert bare.ask("DELETE", path).status == 200
    bare.wait(1)
    assert bare.ask("GET", path).status == 404


def test_a_kind_that_takes_anything_is_published_as_saying_nothing(bare: Bare) -> None:
    install(bare, {"type": "object", "x-kubernetes-preserve-unknown-fields": True})

    published = bare.get("/openapi/v2")["definitions"]["com.example.v1.Thing"]
    assert published.keys() == {"type", "x-kubernetes-group-version-kind"}


def test_a_document_says_nothing_where_there_is_nothing_to_say(bare: Bare) -> None:
    def empty(value: Any, path: str) -> list[str]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        below = [place for key, inner in items for place in empty(inner, f"{path}/{key}")]
        return [*below, path] if value == [] else below

    assert empty(bare.get("/openapi/v3/api/v1")["paths"], "") == []
