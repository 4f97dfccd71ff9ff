"""Tables and partial metadata: the views of objects that are not the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.sim.api.http import Request, Response
from tests.sim.api.apiserver import CONFIGMAPS, PODS, Bare

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@pytest.fixture
def bare() -> Bare:
    return Bare()


def ask(bare: Bare, path: str, accept: str, **query: str) -> Response:
    headers = {"Authorization": "Bearer admin-token", "Accept": accept}
    return bare.server.handle(Request("GET", path, tuple(query.items()), headers))


def cells(bare: Bare, path: str) -> list[list[Any]]:
    return [row["cells"] for row in json.loads(ask(bare, path, TABLE).body)["rows"]]


def test_ages_are_those_of_simulated_time(bare: Bare) -> None:
    bare.configmap("a")
    bare.wait(3600)

    assert cells(bare, CONFIGMAPS) == [["a", 0, "60m"]]


def test_a_table_can_hold_whole_objects_or_none(bare: Bare) -> None:
    bare.configmap("a")

    whole, none = (json.loads(ask(bare, CONFIGMAPS, TABLE, includeObject=what).body) for what in ("Object", "None"))

    assert whole["rows"][0]["object"]["kind"] == "ConfigMap"
    assert none["rows"][0]["object"] is None


def test_a_watched_table_tells_its_columns_once(bare: Bare) -> None:
    response = ask(bare, CONFIGMAPS, TABLE, watch="true", resourceVersion=str(bare.store.revision))
    bare.configmap("a")
    bare.configmap("b")

    assert response.stream is not None
    events = [json.loads(line) for line in response.stream.lines]

    assert [event["object"]["columnDefinitions"] is None for event in events] == [False, True]
    assert [event["object"]["rows"][0]["cells"][0] for event in events] == ["a", "b"]


def test_a_refusal_is_no_table(bare: Bare) -> None:
    response = ask(bare, f"{CONFIGMAPS}/none", TABLE)

    assert (response.status, json.loads(response.body)["kind"]) == (404, "Status")


def test_partial_metadata_has_neither_data_nor_spec(bare: Bare) -> None:
    bare.pod("p")

    one, many = json.loads(ask(bare, f"{PODS}/p", PARTIAL).body), json.loads(ask(bare, PODS, PARTIALS).body)

    assert set(one) == {"kind", "apiVersion", "metadata"}
    assert [item["kind"] for item in many["items"]] == ["PartialObjectMetadata"]


def test_what_is_liked_best_is_given_first(bare: Bare) -> None:
    bare.configmap("a")

    first, second = (
        json.loads(ask(bare, CONFIGMAPS, accept).body)["kind"]
        for accept in (f"{TABLE},application/json", f"{TABLE};q=0.5,application/json")
    )

    assert (first, second) == ("Table", "ConfigMapList")


def test_a_scale_has_columns_of_its_own(bare: Bare) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments"
    bare.ask("POST", path, {"metadata": {"name": "d"}, "spec": spec})

    table = json.loads(ask(bare, f"{path}/d/scale", TABLE).body)

    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert table["rows"][0]["cells"] == ["d", 3, 0, "0s"]


def test_every_row_has_a_cell_for_every_column(bare: Bare) -> None:
    for served in bare.server.registry.all():
        if "list" in served.kind.verbs:
            resource = served.kind.resource
            root = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
            table = json.loads(ask(bare, f"{root}/{resource.plural}", TABLE).body)
            widths = {len(row["cells"]) for row in table["rows"]}
            assert widths <= {len(table["columnDefinitions"])}, resource.plural
