"""Bodies in protobuf: kubectl's as recorded, and any built-in object there and back."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spo.sim.api.encoding import protobuf
from spo.sim.api.encoding import protobuf_wire as wire
from spo.sim.api.http import Request
from tests.sim.api.apiserver import Bare

PROTOBUF = "application/vnd.kubernetes.protobuf"

# What kubectl 1.36 sent for `create configmap cfg --from-literal=a=b`, `create deployment made --replicas=0`,
# `create job j -- true`, `create rolebinding rb --role=r --serviceaccount=traffic:robot`, `auth can-i create pods`.
CONFIG_MAP = "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEh0KEwoDY2ZnEgAaACIAKgAyADgAQgASBgoBYRIBYhoAIgA="
DEPLOYMENT = (
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EsQBCiEKBG1hZGUSABoAIgAqADIAOABCAFoLCgNhcHASBG1hZGUSkAEIABINCgsKA2FwcBIEbWFk"
    "ZRp1Ch0KABIAGgAiACoAMgA4AEIAWgsKA2FwcBIEbWFkZRJUEjYKB2J1c3lib3gSF3JlZ2lzdHJ5LnRlc3QvYnVzeWJveDoxKgBCAGoAcgCAAQCI"
    "AQCQAQCiAQAaADIAQgBKAFIAWABgAGgAggEAigEAmgEAwgEAIgIKACgAOAAaDAgAEAAYACAAKAA4ABoAIgA="
)
JOB = (
    "azhzAAoPCghiYXRjaC92MRIDSm9iEo4BChEKAWoSABoAIgAqADIAOABCABJvMm0KEAoAEgAaACIAKgAyADgAQgASWRI2CgFqEhdyZWdpc3RyeS50"
    "ZXN0L2J1c3lib3g6MRoEdHJ1ZSoAQgBqAHIAgAEAiAEAkAEAogEAGgVOZXZlcjIAQgBKAFIAWABgAGgAggEAigEAmgEAwgEAGgggACgAMAA6ABoA"
    "IgA="
)
ROLE_BINDING = (
    "azhzAAorChxyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvL3YxEgtSb2xlQmluZGluZxJeChIKAnJiEgAaACIAKgAyADgAQgASIgoOU2VydmljZUFj"
    "Y291bnQSABoFcm9ib3QiB3RyYWZmaWMaJAoZcmJhYy5hdXRob3JpemF0aW9uLms4cy5pbxIEUm9sZRoBchoAIgA="
)
REVIEW = (
    "azhzAAoyChdhdXRob3JpemF0aW9uLms4cy5pby92MRIXU2VsZlN1YmplY3RBY2Nlc3NSZXZpZXcSPwoQCgASABoAIgAqADIAOABCABIhCh8KB3Ry"
    "YWZmaWMSBmNyZWF0ZRoAIgAqBHBvZHMyADoAGggIABIAGgAgABoAIgA="
)


def decoded(recorded: str) -> dict[str, Any]:
    return protobuf.decode(base64.b64decode(recorded))


def test_a_recorded_config_map_is_read() -> None:
    assert decoded(CONFIG_MAP) == {
        "kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "cfg"}, "data": {"a": "b"},
    }  # fmt: skip


def test_zeros_that_were_set_stay_and_those_that_were_not_go() -> None:
    spec = decoded(DEPLOYMENT)["spec"]

    assert spec["replicas"] == 0
    assert "paused" not in spec
    assert spec["template"]["spec"]["containers"] == [
        {"name": "busybox", "image": "registry.test/busybox:1", "resources": {}}
    ]


@pytest.mark.parametrize(
    ("recorded", "path"),
    [
        (CONFIG_MAP, "/api/v1/namespaces/default/configmaps"),
        (DEPLOYMENT, "/apis/apps/v1/namespaces/default/deployments"),
        (JOB, "/apis/batch/v1/namespaces/default/jobs"),
        (ROLE_BINDING, "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"),
        (REVIEW, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ],
)
def test_what_kubectl_sent_is_taken(recorded: str, path: str) -> None:
    headers = {"Authorization": "Bearer admin-token", "Content-Type": PROTOBUF}
    headers["Accept"] = f"{PROTOBUF},application/json"
    query = (("fieldValidation", "Strict"),)

    response = Bare().server.handle(Request("POST", path, query, headers, base64.b64decode(recorded)))

    assert (response.status, dict(response.headers)["Content-Type"]) == (201, "application/json")


def test_who_reads_nothing_but_protobuf_is_given_it() -> None:
    bare = Bare()
    bare.configmap("a", tier="front")
    headers = {"Authorization": "Bearer admin-token", "Accept": PROTOBUF}

    response = bare.server.handle(Request("GET", "/api/v1/namespaces/default/configmaps", headers=headers))

    assert dict(response.headers)["Content-Type"] == PROTOBUF
    listed = protobuf.decode(response.body)
    assert listed["items"][0]["metadata"]["labels"] == {"tier": "front"}


@pytest.mark.parametrize("body", [b"", b"\0\1", b"k8s\0\xff", b"k8s\0\x0a\x7f", b"k8s\0" + wire.field(2, b"")])
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(protobuf.Unreadable):
        protobuf.decode(body)


OBJECTS: list[dict[str, Any]] = [
    {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"a": "b", "c": ""}},
        "spec": {
            "containers": [
                {
                    "name": "c",
                    "resources": {"limits": {"cpu": "100m"}},
                    "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                    "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5},
                    "ports": [{"containerPort": 80}],
                }
            ],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/dev"}}],
        },
        "status": {},
    },
    {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"plural": "things", "kind": "Thing"},
            "scope": "Cluster",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "n": {"type": "integer", "minimum": 0.0, "default": 3},
                                "list": {"type": "array", "items": {"type": "string"}},
                                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                                "x": {"x-kubernetes-preserve-unknown-fields": True},
                            },
                        }
                    },
                }
            ],
        },
    },
    {
        "kind": "PodDisruptionBudget",
        "apiVersion": "policy/v1",
        "metadata": {"name": "b"},
        "spec": {"minAvailable": "50%", "maxUnavailable": 1},
    },
    {
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": "l"},
        "spec": {"holderIdentity": "me", "renewTime": "2026-01-01T00:00:00.123456Z"},
    },
    {"kind": "DeleteOptions", "apiVersion": "apps/v1", "preconditions": {"uid": "u"}, "gracePeriodSeconds": 0},
]


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: str(obj["kind"]))
def test_an_object_comes_back_as_it_was(obj: dict[str, Any]) -> None:
    body = protobuf.encode(obj)

    assert body is not None
    back = protobuf.decode(body)
    assert json.loads(json.dumps(back)) == obj


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_numbers_keep_their_sign_on_the_wire(number: int) -> None:
    assert list(wire.fields(wire.field(3, number))) == [(3, number)]


@given(st.binary())
def test_any_bytes_are_fields_or_malformed(data: bytes) -> None:
    with suppress(wire.Malformed):
        list(wire.fields(data))
