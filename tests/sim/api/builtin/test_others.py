"""Kinds that are stored and shown, no more; and autoscaling's two versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.sim.api.http import Request
from tests.sim.api.apiserver import CONFIGMAPS, Bare

SCALERS = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
OBJECTS: dict[str, tuple[dict[str, Any], list[Any]]] = {  # path → an object, and its row without name and age
    SCALERS.format("v2"): (
        {"spec": {"scaleTargetRef": TARGET, "maxReplicas": 5}},
        ["Deployment/web", "cpu: <unknown>/80%", "1", 5, 0],
    ),
    "/apis/networking.k8s.io/v1/namespaces/default/ingresses": (
        {"spec": {"rules": [{"host": f"{n}.test"} for n in range(5)], "tls": [{}]}},
        ["<none>", "0.test,1.test,2.test + 2 more...", "", "80, 443"],
    ),
    "/apis/certificates.k8s.io/v1/certificatesigningrequests": (
        {"spec": {"request": "eA==", "signerName": "test/s", "expirationSeconds": 3600}},
        ["test/s", "", "60m", "Pending"],
    ),
    "/apis/storage.k8s.io/v1/csinodes": ({"spec": {"drivers": [{"name": "d", "nodeID": "n"}]}}, [1]),
    "/apis/apiregistration.k8s.io/v1/apiservices": (
        {"spec": {"group": "g", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1}},
        ["Local", "Unknown"],
    ),
}


@pytest.fixture
def bare() -> Bare:
    return Bare()


@pytest.mark.parametrize("path", OBJECTS)
def test_they_are_kept_and_printed(bare: Bare, path: str) -> None:
    obj, cells = OBJECTS[path]
    made = bare.ask("POST", path, {"metadata": {"name": "a"}, **obj})
    headers = {"Authorization": "Bearer admin-token", "Accept": TABLE}
    table = json.loads(bare.server.handle(Request("GET", path, (), headers)).body)

    assert made.status == 201
    (row,) = table["rows"]
    assert len(row["cells"]) == len(table["columnDefinitions"])
    assert [cell for cell in row["cells"][1:] if cell != "0s"] == cells


@pytest.mark.parametrize("path", [path for path in OBJECTS if not path.endswith(("apiservices", "csinodes"))])
def test_what_says_nothing_is_refused(bare: Bare, path: str) -> None:
    assert bare.ask("POST", path, {"metadata": {"name": "a"}}).status == 422


def test_approving_a_request_writes_its_status(bare: Bare) -> None:
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    made = json.loads(bare.ask("POST", path, {"metadata": {"name": "a"}, **OBJECTS[path][0]}).body)
    approved = {
        **made,
        "status": {"conditions": [{"type": "Approved", "status": "True"}]},
        "spec": {"signerName": "x/y"},
    }
    answer = json.loads(bare.ask("PUT", f"{path}/a/approval", approved).body)

    assert (answer["spec"], answer["status"]) == (made["spec"], approved["status"])
    assert bare.ask("PUT", f"{CONFIGMAPS}/a/approval", {}).status == 404


def test_another_api_server_is_refused_by_name(bare: Bare) -> None:
    spec = {"group": "g", "version": "v1", "service": {"name": "s", "namespace": "default"}}
    refused = bare.ask("POST", "/apis/apiregistration.k8s.io/v1/apiservices", {"metadata": {"name": "a"}, "spec": spec})

    assert refused.status == 422
    assert b"this simulated API server does not ask others" in refused.body


def test_the_older_version_of_a_scaler_shows_the_target_of_the_cpu_and_is_read_only(bare: Bare) -> None:
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 5, "behavior": {}}
    bare.ask("POST", SCALERS.format("v2"), {"metadata": {"name": "a"}, "spec": spec})
    old = bare.get(SCALERS.format("v1") + "/a")

    assert (old["apiVersion"], old["status"]) == ("autoscaling/v1", {"desiredReplicas": 0, "currentReplicas": 0})
    assert old["spec"] == {
        "scaleTargetRef": TARGET, "maxReplicas": 5, "minReplicas": 1, "targetCPUUtilizationPercentage": 80,
    }  # fmt: skip
    assert bare.ask("PUT", SCALERS.format("v1") + "/a", old).status == 405


def test_the_newer_version_is_the_preferred_one(bare: Bare) -> None:
    group = bare.get("/apis/autoscaling")

    assert [each["version"] for each in group["versions"]] == ["v2", "v1"]
    assert group["preferredVersion"]["version"] == "v2"
