"""Whatever a client sends, it gets an answer, and nothing is stored that was refused."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spo.sim.api.http import Request
from tests.sim.api.apiserver import Bare

SPO = "security-profiles-operator.x-k8s.io"
CRD = Path(__file__).parents[2] / "conformance" / "golden" / "crd.json"
PLACES = {
    "/api/v1/namespaces/default/configmaps": ("v1", "ConfigMap"),
    "/api/v1/namespaces/default/pods": ("v1", "Pod"),
    "/api/v1/namespaces": ("v1", "Namespace"),
    "/api/v1/namespaces/default/serviceaccounts": ("v1", "ServiceAccount"),
    "/api/v1/nodes": ("v1", "Node"),
    "/apis/apps/v1/namespaces/default/deployments": ("apps/v1", "Deployment"),
    "/apis/apps/v1/namespaces/default/daemonsets": ("apps/v1", "DaemonSet"),
    "/apis/coordination.k8s.io/v1/namespaces/default/leases": ("coordination.k8s.io/v1", "Lease"),
    "/apis/rbac.authorization.k8s.io/v1/clusterroles": ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    f"/apis/{SPO}/v1beta1/namespaces/default/seccompprofiles": (f"{SPO}/v1beta1", "SeccompProfile"),
}
REVIEWS = (
    "/apis/authentication.k8s.io/v1/tokenreviews",
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
)
BELOW = ("", "/x", "/x/status", "/x/scale", "/x/binding", "/x/eviction", "/x/token", "/x/finalize", "/x/nosuch")
MEDIA_TYPES = (
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
WORDS = st.sampled_from(
    "metadata spec status name namespace labels annotations finalizers ownerReferences uid resourceVersion generation "
    "containers template selector matchLabels rules data apiVersion kind op path value add /spec /metadata/labels a x "
    "deletionTimestamp gracePeriodSeconds propagationPolicy preconditions versions schema openAPIV3Schema names plural "
    "replicas target deleteOptions boundObjectRef token user groups resourceAttributes nonResourceAttributes".split()
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False) | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(WORDS, VALUES, max_size=5)


@pytest.fixture(scope="module")
def bare() -> Bare:
    bare = Bare()
    bare.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json.loads(CRD.read_text()))
    bare.wait(1)
    return bare


def proper(place: str, more: dict[str, Any]) -> dict[str, Any]:
    """An object of the right type and name, with `more` in it."""
    version, kind = PLACES[place]
    metadata = more.get("metadata")
    metadata = {**metadata, "name": "x"} if isinstance(metadata, dict) else {"name": "x"}
    return {**more, "apiVersion": version, "kind": kind, "metadata": metadata}


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(place=st.sampled_from(sorted(PLACES)), more=OBJECTS)
def test_any_object_is_taken_or_refused(bare: Bare, place: str, more: dict[str, Any]) -> None:
    response = bare.ask("POST", place, proper(place, more))
    bare.ask("DELETE", f"{place}/x", {"gracePeriodSeconds": 0})
    bare.patch(f"{place}/x", {"metadata": {"finalizers": None}})

    assert response.status in (201, 400, 409, 422, 500), response.body


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(
    place=st.sampled_from([*PLACES, *REVIEWS]),
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]),
    media_type=st.sampled_from(MEDIA_TYPES),
    below=st.sampled_from(BELOW),
    body=VALUES | OBJECTS,
    query=st.dictionaries(
        st.sampled_from(
            ["fieldManager", "force", "dryRun", "fieldValidation", "limit", "resourceVersion", "labelSelector"]
        ),
        st.sampled_from(["", "0", "1", "true", "All", "Strict", "a in (", "m"]),
        max_size=3,
    ),
)
def test_any_request_is_answered(
    bare: Bare, place: str, method: str, media_type: str, below: str, body: Any, query: dict[str, str]
) -> None:
    if place in PLACES:
        bare.ask("POST", place, proper(place, {}))

    response = bare.ask(method, place + below, body, media_type, **query)

    assert 200 <= response.status < 600
    if response.status >= 400 and response.body.startswith(b"{"):
        status = json.loads(response.body)
        assert status["kind"] == "Status" and status["code"] == response.status


ANCHORS = "abcdefghij"
DEEP = 5000


@pytest.mark.parametrize(
    ("media_type", "body", "why"),
    [
        ("application/json", '{"a":' * DEEP + "1" + "}" * DEEP, "exceeded max depth"),
        ("application/yaml", "[" * DEEP + "]" * DEEP, "exceeded max depth"),
        ("application/yaml", "a: &a\n  b: *a\n", "anchor value contains itself"),
        (  # a thousand million nodes in ten lines
            "application/yaml",
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{y}: &{y} [{','.join([f'*{x}'] * 10)}]\n" for x, y in pairwise(ANCHORS)),
            "document contains excessive aliasing",
        ),
    ],
)
def test_a_small_body_cannot_become_a_huge_object(bare: Bare, media_type: str, body: str, why: str) -> None:
    headers = {"Authorization": "Bearer admin-token", "Content-Type": media_type}
    place = "/api/v1/namespaces/default/configmaps"

    response = bare.server.handle(Request("POST", place, headers=headers, body=body.encode()))

    assert response.status == 400
    assert why in json.loads(response.body)["message"]
