"""The client: one call, one request; refusals as the server put them."""

from __future__ import annotations

import pytest

from spo.model.resource import CONFIG_MAPS, NAMESPACES
from spo.sim.api.status import ApiError
from spo.sim.client import Client
from spo.sim.cluster import SimulatedCluster

MAP = {"metadata": {"name": "c", "namespace": "default", "labels": {"app": "x"}}, "data": {"a": "1"}}


@pytest.fixture
def client() -> Client:
    return SimulatedCluster(nodes=0).client()


def test_an_object_lives_through_all_verbs(client: Client) -> None:
    made = client.create(CONFIG_MAPS, MAP)
    client.update(CONFIG_MAPS, {**made, "data": {"a": "2"}})
    client.patch(CONFIG_MAPS, "default", "c", {"data": {"b": "3"}})
    client.patch(CONFIG_MAPS, "default", "c", [{"op": "remove", "path": "/data/a"}], how="json")

    assert client.get(CONFIG_MAPS, "default", "c")["data"] == {"b": "3"}
    assert len(client.list(CONFIG_MAPS, "default", labels="app=x")) == 1
    assert client.list(CONFIG_MAPS, "default", labels="app=y") == []
    client.delete(CONFIG_MAPS, "default", "c", uid=made["metadata"]["uid"])
    assert client.list(CONFIG_MAPS, "default") == []


def test_only_the_very_object_is_deleted(client: Client) -> None:
    client.create(CONFIG_MAPS, MAP)

    with pytest.raises(ApiError) as refused:
        client.delete(CONFIG_MAPS, "default", "c", uid="another")
    assert refused.value.code == 409


def test_a_refusal_keeps_code_reason_text_and_details(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.get(CONFIG_MAPS, "default", "none")

    error = refused.value
    assert (error.code, error.reason, error.message) == (404, "NotFound", 'configmaps "none" not found')
    assert error.details == {"name": "none", "kind": "configmaps"}


def test_a_path_that_leads_nowhere_is_refused_in_plain_text(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.call("GET", "/apis/none/v1/things")

    assert (refused.value.code, refused.value.message) == (404, "404 page not found")


def test_a_watch_fills_by_itself(client: Client) -> None:
    stream = client.watch(NAMESPACES, fields="metadata.name=new")
    client.create(NAMESPACES, {"metadata": {"name": "new"}})
    client.create(NAMESPACES, {"metadata": {"name": "other"}})

    assert [line[:15] for line in stream.lines] == [b'{"type":"ADDED"']
