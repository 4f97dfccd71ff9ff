"""What clients find out: discovery in both forms, OpenAPI documents, and that nothing is sent twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spo.sim.api.encoding import protobuf_wire as wire
from spo.sim.api.http import Request, Response
from tests.conformance import golden_replay
from tests.sim.api.apiserver import Bare

ALL = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
CRD = json.loads((Path(golden_replay.__file__).parent / "golden" / "crd.json").read_text())
GROUP = CRD["spec"]["group"]


@pytest.fixture
def bare() -> Bare:
    return Bare()


def ask(bare: Bare, path: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return bare.server.handle(Request("GET", path, headers={"Authorization": "Bearer admin-token", **named}))


def install(bare: Bare) -> None:
    bare.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)
    bare.wait(1)


def document(bare: Bare, path: str) -> Any:
    return json.loads(ask(bare, path).body)


@pytest.mark.parametrize("path", ["/apis", "/openapi/v3", "/openapi/v2"])
def test_who_knows_a_document_is_not_sent_it_again(bare: Bare, path: str) -> None:
    tag = dict(ask(bare, path, Accept=ALL).headers)["Etag"]

    again = ask(bare, path, Accept=ALL, If_None_Match=tag)
    install(bare)
    changed = ask(bare, path, Accept=ALL, If_None_Match=tag)

    assert (again.status, again.body) == (304, b"")
    assert changed.status == 200


def test_both_forms_of_discovery_name_the_same_resources(bare: Bare) -> None:
    install(bare)
    whole = json.loads(ask(bare, "/apis", Accept=ALL).body)

    for group in whole["items"]:
        for version in group["versions"]:
            listed = document(bare, f"/apis/{group['metadata']['name']}/{version['version']}")["resources"]
            names = [resource["name"] for resource in listed if "/" not in resource["name"]]
            assert names == [resource["resource"] for resource in version["resources"]]


def test_every_group_has_an_openapi_document_that_knows_all_it_speaks_of(bare: Bare) -> None:
    install(bare)
    for path, entry in document(bare, "/openapi/v3")["paths"].items():
        shown = document(bare, entry["serverRelativeURL"].partition("?")[0])
        text = json.dumps(shown)
        missing = {
            name
            for name in (part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:])
            if name not in shown["components"]["schemas"]
        }
        assert missing == set(), path


def test_a_patch_of_everything_that_can_be_patched_takes_field_validation(bare: Bare) -> None:
    """It is what kubectl looks for before it lets the server validate."""
    install(bare)
    for served in bare.server.registry.all():
        if "patch" not in served.kind.verbs:
            continue
        resource = served.kind.resource
        root = f"apis/{resource.group}/{resource.version}" if resource.group else "api/v1"
        paths = document(bare, f"/openapi/v3/{root}")["paths"]
        patches = [
            item["patch"]
            for path, item in paths.items()
            if path.endswith(f"/{resource.plural}/{{name}}") and "patch" in item
        ]
        assert len(patches) == 1, resource.plural
        assert "fieldValidation" in {parameter["name"] for parameter in patches[0]["parameters"]}
        assert patches[0]["x-kubernetes-group-version-kind"]["kind"] == resource.kind


def test_lists_that_merge_by_key_say_so(bare: Bare) -> None:
    containers = document(bare, "/openapi/v3/api/v1")["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]

    assert containers["properties"]["containers"]["x-kubernetes-patch-merge-key"] == "name"


def test_a_document_goes_with_its_definition(bare: Bare) -> None:
    install(bare)
    path = f"/openapi/v3/apis/{GROUP}/v1beta1"
    before = ask(bare, path).status

    bare.ask("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD['metadata']['name']}")
    bare.wait(2)

    assert (before, ask(bare, path).status) == (200, 404)


def test_swagger_has_no_words_that_it_does_not_know(bare: Bare) -> None:
    install(bare)
    definitions = document(bare, "/openapi/v2")["definitions"]

    assert "#/components" not in json.dumps(definitions)
    profile = definitions["io.x-k8s.security-profiles-operator.v1beta1.SeccompProfile"]
    assert profile["properties"]["metadata"]["$ref"].endswith("meta.v1.ObjectMeta")
    assert "oneOf" not in json.dumps(profile) and "allOf" not in json.dumps(profile)


def test_swagger_in_protobuf_holds_the_same_definitions(bare: Bare) -> None:
    response = ask(bare, "/openapi/v2", Accept="application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
    fields = dict(wire.fields(response.body))

    named = [dict(wire.fields(entry))[1] for _, entry in wire.fields(fields[9])]  # type: ignore[arg-type]

    assert [name.decode() for name in named] == list(document(bare, "/openapi/v2")["definitions"])  # type: ignore[union-attr]
