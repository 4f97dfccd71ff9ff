"""Bodies that are hard to read: none is answered with 500, and what Go would make of them is made of them.

The answers were recorded from a kube-apiserver 1.36.3.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.sim.api.encoding.bodies import DEPTH_MAX
from spo.sim.api.http import Request, Response
from tests.sim.api.apiserver import CONFIGMAPS, Bare

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
THING: dict[str, Any] = {
    "metadata": {"name": "things.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                },
            }
        ],
    },
}
THINGS = "/apis/example.com/v1/namespaces/default/things"


@pytest.fixture
def bare() -> Bare:
    return Bare()


def sent(bare: Bare, path: str, body: bytes, media_type: str = "application/json", method: str = "POST") -> Response:
    headers = {"Authorization": "Bearer admin-token", "Content-Type": media_type}
    query = (("fieldManager", "me"),) if method == "PATCH" else ()
    return bare.server.handle(Request(method, path, query, headers, body))


def nested(depth: int) -> bytes:
    """A Thing whose deepest value is so many brackets deep."""
    inside = depth - 2  # the object, its spec
    head = b'{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"deep"},"spec":{"a":'
    return head + b'{"a":' * inside + b"1" + b"}" * inside + b"}}"


def test_bytes_that_are_no_character_are_replaced_each_by_one_mark(bare: Bare) -> None:
    response = sent(bare, CONFIGMAPS, b'{"metadata":{"name":"u"},"data":{"k":"\xff\xfe","e":"\xe2\x82"}}')
    assert response.status == 201
    assert json.loads(response.body)["data"] == {"k": "\ufffd\ufffd", "e": "\ufffd\ufffd"}


def test_a_name_with_such_a_byte_is_invalid(bare: Bare) -> None:
    response = sent(bare, CONFIGMAPS, b'{"metadata":{"name":"u\xff"}}')
    assert response.status == 422
    assert 'metadata.name: Invalid value: "u\ufffd"' in json.loads(response.body)["message"]


def test_what_is_no_base64_is_named_even_if_it_is_not_ascii(bare: Bare) -> None:
    secrets = "/api/v1/namespaces/default/secrets"
    response = sent(bare, secrets, b'{"metadata":{"name":"s"},"data":{"k":"\xff"}}')
    assert response.status == 400
    assert "illegal base64 data at input byte 0" in json.loads(response.body)["message"]


@pytest.mark.parametrize("bracket", [b'{"a":', b"["])
def test_what_is_nested_deeper_than_anything_real_is_refused(bare: Bare, bracket: bytes) -> None:
    body = b'{"apiVersion":"v1","kind":"ConfigMap","data":' + bracket * DEPTH_MAX
    response = sent(bare, CONFIGMAPS, body)
    assert response.status == 400
    assert json.loads(response.body)["message"].startswith(
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: "
        f"invalid character '{bracket[:1].decode()}' exceeded max depth"
    )


def test_brackets_in_a_text_are_no_depth(bare: Bare) -> None:
    body = json.dumps({"metadata": {"name": "x"}, "data": {"k": '{"[' * DEPTH_MAX}}).encode()
    assert sent(bare, CONFIGMAPS, body).status == 201


def test_as_deep_as_is_taken_an_object_can_be_written_read_and_changed(bare: Bare) -> None:
    bare.ask("POST", CRDS, THING)
    bare.wait(1)
    assert sent(bare, THINGS, nested(DEPTH_MAX)).status == 201
    assert sent(bare, f"{THINGS}/deep", nested(DEPTH_MAX), method="PUT").status in (200, 422)  # 422: without a version
    for media_type in ("application/merge-patch+json", "application/apply-patch+yaml"):
        assert sent(bare, f"{THINGS}/deep", nested(DEPTH_MAX), media_type, "PATCH").status == 200
    assert bare.ask("GET", f"{THINGS}/deep").status == 200
    assert bare.ask("DELETE", f"{THINGS}/deep").status == 200
    refused = sent(bare, THINGS, nested(DEPTH_MAX + 1))
    assert refused.status == 400


def test_patches_that_add_up_to_more_are_refused_and_nothing_is_changed(bare: Bare) -> None:
    bare.ask("POST", CRDS, THING)
    bare.wait(1)
    assert sent(bare, THINGS, nested(DEPTH_MAX)).status == 201
    path = "/spec/a" + "/a" * (DEPTH_MAX - 3)
    for _ in range(12):
        value = json.loads(b'{"a":' * (DEPTH_MAX - 10) + b"1" + b"}" * (DEPTH_MAX - 10))
        patch = json.dumps([{"op": "replace", "path": path, "value": value}]).encode()
        answer = sent(bare, f"{THINGS}/deep", patch, "application/json-patch+json", "PATCH")
        if answer.status != 200:
            break
        path += "/a" * (DEPTH_MAX - 10)
    assert answer.status == 400
    assert "exceeded max depth" in json.loads(answer.body)["message"]
    assert bare.ask("GET", f"{THINGS}/deep").status in (200, 400)


def test_keys_of_yaml_are_texts_in_json(bare: Bare) -> None:
    text = b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: yaml}\ndata: {no: a, 1: b, 1.5: c}\n"
    response = sent(bare, CONFIGMAPS, text, "application/yaml")
    assert response.status == 201
    assert json.loads(response.body)["data"] == {"false": "a", "1": "b", "1.5": "c"}


def test_a_key_of_yaml_that_is_nothing_is_refused(bare: Bare) -> None:
    text = b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: y2}\ndata: {~: 'd'}\n"
    response = sent(bare, CONFIGMAPS, text, "application/yaml")
    assert response.status == 400
    assert json.loads(response.body)["message"].startswith(
        "the object provided is unrecognized (must be of type ConfigMap): "
        'unsupported map key of type: %!s(<nil>), key: <nil>, value: "d" ('
    )


@pytest.mark.parametrize("value", [b".nan", b"-.inf", b"!!binary aGk=", b"!!set {a, b}", b"2020-01-01", b"!!x y"])
def test_no_value_of_yaml_is_answered_with_a_crash(bare: Bare, value: bytes) -> None:
    text = b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: y3}\ndata: {k: " + value + b"}\n"
    assert sent(bare, CONFIGMAPS, text, "application/yaml").status in (201, 400)


@pytest.mark.parametrize("body", [{}, {"metadata": None}, {"metadata": {}}])
def test_a_namespace_without_a_name_is_told_so(bare: Bare, body: Any) -> None:
    response = bare.ask("POST", "/api/v1/namespaces", body)
    assert response.status == 422
    message = json.loads(response.body)["message"]
    assert message == 'Namespace "" is invalid: metadata.name: Required value: name or generateName is required'


def test_a_namespace_in_an_object_that_has_none_is_taken_away(bare: Bare) -> None:
    """client-go and controller-runtime write one."""
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    response = bare.ask("POST", roles, {"metadata": {"name": "r", "namespace": "here"}})
    assert response.status == 201
    assert "namespace" not in json.loads(response.body)["metadata"]
    response = bare.ask("PUT", f"{roles}/r", {"metadata": {"name": "r", "namespace": "there"}, "rules": []})
    assert response.status == 200


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"minAvailable": "x"}, 'spec.minAvailable: Invalid value: "x": a valid percent string must be'),
        ({"minAvailable": "80"}, 'spec.minAvailable: Invalid value: "80": a valid percent string must be'),
        ({"minAvailable": "101%"}, 'spec.minAvailable: Invalid value: "101%": must not be greater than 100%'),
        ({"maxUnavailable": -1}, "spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"),
        ({"minAvailable": 1, "maxUnavailable": 1}, "minAvailable and maxUnavailable cannot be both set"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(bare: Bare, spec: dict[str, Any], said: str) -> None:
    response = bare.ask("POST", BUDGETS, {"metadata": {"name": "b"}, "spec": spec})
    assert response.status == 422
    assert said in json.loads(response.body)["message"]


@pytest.mark.parametrize("body", [{}, {"spec": {}}, {"spec": {"minAvailable": "50%"}}, {"spec": {"maxUnavailable": 0}}])
def test_a_budget_that_is_right_is_taken(bare: Bare, body: dict[str, Any]) -> None:
    assert bare.ask("POST", BUDGETS, {"metadata": {"name": "b"}, **body}).status == 201


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ({}, "[spec.subresources.scale.specReplicasPath: Required value, "),
        (
            {"specReplicasPath": ".foo", "statusReplicasPath": ".status.x"},
            'spec.subresources.scale.specReplicasPath: Invalid value: ".foo": should be a json path under .spec',
        ),
    ],
)
def test_a_definition_must_say_where_the_numbers_of_scale_stand(bare: Bare, scale: Any, said: str) -> None:
    crd = json.loads(json.dumps(THING))
    crd["spec"]["versions"][0]["subresources"] = {"scale": scale}
    response = bare.ask("POST", CRDS, crd)
    assert response.status == 422
    assert said in json.loads(response.body)["message"]


def test_a_new_kind_is_served_within_30_ms(bare: Bare) -> None:
    bare.ask("POST", CRDS, THING)
    bare.wait(0.03)
    assert bare.ask("GET", THINGS).status == 200
