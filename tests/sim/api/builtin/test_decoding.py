"""Fitting objects to the types of the built-in kinds."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.builtin import KINDS
from spo.sim.api.builtin.decoding import decode, fields_of
from spo.sim.api.kinds import Undecodable


def test_unknown_fields_are_found_at_any_depth_in_the_order_of_the_document() -> None:
    pod: dict[str, Any] = {
        "metadata": {"name": "p", "bar": 1},
        "spec": {
            "containers": [{"name": "c", "imag": "x"}],
            "volumes": [{"name": "v", "secret": {"nam": "s"}}],
            "foo": 1,
        },
    }

    assert decode(pod, "Pod") == ["metadata.bar", "spec.containers[0].imag", "spec.volumes[0].secret.nam", "spec.foo"]
    assert pod == {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c"}], "volumes": [{"name": "v", "secret": {}}]},
    }


def test_nulls_and_empty_lists_and_maps_are_left_out_and_empty_structs_are_not() -> None:
    pod: dict[str, Any] = {
        "metadata": {"labels": {}, "annotations": None},
        "spec": {
            "nodeSelector": {},
            "tolerations": [],
            "securityContext": {},
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
    }

    decode(pod, "Pod")

    assert pod == {"metadata": {}, "spec": {"securityContext": {}, "volumes": [{"name": "v", "emptyDir": {}}]}}


@pytest.mark.parametrize(
    ("type_name", "obj", "got", "wanted"),
    [
        ("ConfigMap", {"data": {"a": 1}}, "number", "ConfigMap.data of type string"),
        ("ConfigMap", {"metadata": {"labels": "x"}}, "string", "ConfigMap.metadata.labels of type map[string]string"),
        ("Pod", {"spec": {"containers": {}}}, "object", "Pod.spec.containers of type []Container"),
        ("Deployment", {"spec": {"replicas": True}}, "bool", "Deployment.spec.replicas of type int32"),
    ],
)
def test_a_wrong_type_is_told_as_gos_decoder_does(type_name: str, obj: Any, got: str, wanted: str) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(obj, type_name)

    assert str(refused.value) == f"json: cannot unmarshal {got} into Go struct field {wanted}"


@pytest.mark.parametrize(
    ("text", "rest", "expected"),
    [("2030-01-01T00:00:05Z", "Z", ".000000"), ("2030-01-01T00:00:05.1Z", ".1Z", ".000000"), ("x", "x", "2006")],
)
def test_a_time_of_a_lease_has_six_digits_after_the_second(text: str, rest: str, expected: str) -> None:
    with pytest.raises(Undecodable) as refused:
        decode({"spec": {"renewTime": text}}, "Lease")

    layout = "2006-01-02T15:04:05.000000Z07:00"
    assert str(refused.value) == f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{expected}"'
    assert decode({"spec": {"renewTime": "2030-01-01T00:00:05.123456Z"}}, "Lease") == []


def test_the_data_of_a_secret_is_base64() -> None:
    with pytest.raises(Undecodable, match="illegal base64 data at input byte 0"):
        decode({"data": {"k": "!!"}}, "Secret")

    assert decode({"data": {"k": "dg=="}}, "Secret") == []


def test_a_quantity_is_a_text_or_a_number() -> None:
    spec = {"containers": [{"name": "c", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]}

    assert decode({"spec": spec}, "Pod") == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_every_kind_has_its_type_in_the_table(kind: Any) -> None:
    assert {"apiVersion", "kind", "metadata"} <= set(fields_of(kind.type))


def test_a_null_inside_a_map_or_list_is_the_zero_value_of_its_type() -> None:
    configmap: dict[str, Any] = {"metadata": {"labels": {"tier": None}}, "data": {"k": None}, "binaryData": {"b": None}}
    pod: dict[str, Any] = {
        "spec": {"containers": [{"command": ["a", None], "resources": {"limits": {"cpu": None}}}, None]}
    }
    decode(configmap, "ConfigMap")
    decode(pod, "Pod")

    assert configmap == {"metadata": {"labels": {"tier": ""}}, "data": {"k": ""}, "binaryData": {"b": None}}
    assert pod == {"spec": {"containers": [{"command": ["a", ""], "resources": {"limits": {"cpu": "0"}}}, {}]}}
