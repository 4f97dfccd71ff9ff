"""The small kinds of the core group."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spo.sim.api.builtin import TABLE
from spo.sim.api.kinds import Object


def _made(resource: str, **fields: Any) -> Object:
    kind = TABLE[resource]
    obj: Object = {"metadata": {"name": "a", "namespace": "n"}, "kind": kind.resource.kind, **fields}
    kind.default(obj)
    kind.prepare_create(obj)
    return obj


def _texts(resource: str, obj: Object, old: Object | None = None) -> list[str]:
    return [error.text for error in TABLE[resource].validate(obj, old)]


def test_a_namespace_is_labelled_with_its_name_and_held_by_a_finalizer() -> None:
    made = _made("namespaces")

    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "a"}
    assert (made["spec"], made["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


def test_the_finalizer_of_a_namespace_goes_only_through_finalize() -> None:
    old = _made("namespaces")
    new = {**copy.deepcopy(old), "spec": {}}

    TABLE["namespaces"].prepare_update(new, old)

    assert new == old


def test_a_new_node_is_tainted_until_somebody_looked_and_keeps_the_status_it_brought() -> None:
    made = _made("nodes", status={"addresses": [{"type": "Hostname", "address": "a"}]})

    assert made["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
    assert made["status"]["addresses"] == [{"type": "Hostname", "address": "a"}]
    assert made["status"]["nodeInfo"]["kernelVersion"] == ""


def test_a_taint_has_one_of_three_effects() -> None:
    node = _made("nodes", spec={"taints": [{"key": "k", "effect": "Bogus"}]})
    choices = '"NoSchedule", "PreferNoSchedule", "NoExecute"'

    assert _texts("nodes", node) == [
        f'metadata.taints[0].effect: Unsupported value: "Bogus": supported values: {choices}'
    ]


def test_a_config_map_can_be_frozen() -> None:
    old = _made("configmaps", data={"a": "1"}, immutable=True)

    assert _texts("configmaps", {**old, "data": {"a": "2"}}, old) == [
        "data: Forbidden: field is immutable when `immutable` is set"
    ]
    assert _texts("configmaps", {**old, "immutable": False}, old) == [
        "immutable: Forbidden: field is immutable when `immutable` is set"
    ]


def test_a_config_map_has_proper_keys_each_once() -> None:
    bad = _made("configmaps", data={"bad key": "x", "a": "1"}, binaryData={"a": "eA=="})

    paths = [error.path for error in TABLE["configmaps"].validate(bad, None)]
    assert paths == ["data[bad key]", "data[a]"]


def test_a_secret_takes_plain_text_and_keeps_base64() -> None:
    made = _made("secrets", stringData={"k": "v"})

    assert (made["data"], made["type"], "stringData" in made) == ({"k": "dg=="}, "Opaque", False)


def test_a_secret_of_a_type_has_the_keys_of_the_type_for_ever() -> None:
    tls = _made("secrets", type="kubernetes.io/tls")

    assert _texts("secrets", tls) == ["data[tls.crt]: Required value", "data[tls.key]: Required value"]
    assert _texts("secrets", {**tls, "type": "Opaque"}, tls) == ['type: Invalid value: "Opaque": field is immutable']


def test_a_service_gets_an_address_that_depends_only_on_its_name() -> None:
    one, again = (_made("services", spec={"ports": [{"port": 443}]}) for _ in range(2))

    assert one == again
    assert one["spec"]["clusterIPs"] == [one["spec"]["clusterIP"]]
    assert one["spec"]["clusterIP"].startswith("10.")
    assert one["spec"]["ports"] == [{"port": 443, "protocol": "TCP", "targetPort": 443}]


def test_a_headless_service_gets_none_and_a_service_keeps_its_own() -> None:
    headless = _made("services", spec={"clusterIP": "None"})
    old = _made("services", spec={"ports": [{"port": 1}]})
    new = {**copy.deepcopy(old), "spec": {"ports": [{"port": 1}]}}
    TABLE["services"].default(new)

    TABLE["services"].prepare_update(new, old)

    assert headless["spec"]["clusterIPs"] == ["None"]
    assert new["spec"] == old["spec"]


def test_an_event_is_about_something_in_its_own_namespace() -> None:
    fine = _made("events", involvedObject={"kind": "Pod", "namespace": "n"})
    other = _made("events", involvedObject={"kind": "Pod", "namespace": "m"})

    assert _texts("events", fine) == []
    assert _texts("events", other) == ['involvedObject.namespace: Invalid value: "m": does not match event.namespace']
    assert fine["eventTime"] is None


@pytest.mark.parametrize(
    ("resource", "fields", "field", "value"),
    [
        ("nodes", {}, "spec.unschedulable", "false"),
        ("secrets", {}, "type", "Opaque"),
        ("events", {"source": {"component": "c"}}, "source", "c"),
        ("events", {"involvedObject": {"name": "p"}}, "involvedObject.name", "p"),
        ("services", {}, "spec.type", "ClusterIP"),
        ("namespaces", {}, "status.phase", "Active"),
    ],
)
def test_kinds_are_selected_by_the_fields_of_the_field_table(
    resource: str, fields: Any, field: str, value: str
) -> None:
    assert TABLE[resource].fields(_made(resource, **fields))[field] == value


def test_kinds_refuse_other_fields_in_one_of_two_ways() -> None:
    assert TABLE["secrets"].field_refusal("x") == "field label not supported: x"
    known = '"x" is not a known field selector: only "metadata.name", "metadata.namespace"'
    assert TABLE["configmaps"].field_refusal("x") == known


def test_the_flags_of_the_kinds_are_as_recorded() -> None:
    def those(flag: str) -> set[str]:
        return {kind.resource.kind for kind in TABLE.values() if getattr(kind, flag)}

    returned = {"Pod", "ServiceAccount", "Service", "Namespace", "PodTemplate", "ResourceQuota"}
    returned |= {"PersistentVolume", "PersistentVolumeClaim"}
    assert those("returns_object_on_delete") == returned
    assert {"Lease", "Event", "Service", "Endpoints", "ClusterRole"} <= those("create_on_update")
    assert not {"ConfigMap", "Secret", "Deployment", "Pod", "Node"} & those("create_on_update")
    assert "Lease" not in those("unconditional_update")
