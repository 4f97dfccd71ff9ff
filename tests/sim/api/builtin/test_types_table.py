"""The table of built-in types says what the official client's models say. Run this file to write it anew."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import spo.sim.api.builtin as builtin

TABLE = Path(builtin.__file__).parent / "types.json"
CLIENT = "1.36"  # the release whose models the table was taken from

ROOTS = (
    "V1Pod V1Node V1Namespace CoreV1Event V1Service V1Secret V1ConfigMap V1ServiceAccount V1Endpoints V1LimitRange "
    "V1ResourceQuota V1DaemonSet V1Deployment V1ReplicaSet V1StatefulSet V1ControllerRevision V1Job V1CronJob V1Lease "
    "V1Role V1RoleBinding V1ClusterRole V1ClusterRoleBinding V1PriorityClass V1PodDisruptionBudget V1RuntimeClass "
    "V1CustomResourceDefinition V1MutatingWebhookConfiguration V1ValidatingWebhookConfiguration EventsV1Event "
    "V1EndpointSlice V1ReplicationController V1PodTemplate V1PersistentVolumeClaim "
    "V1PersistentVolume V1APIService V2HorizontalPodAutoscaler V1CertificateSigningRequest V1Ingress V1CSINode"
).split()
ALIASES = {"CoreV1Event": "Event", "EventsV1Event": "EventsEvent"}
# The models call these strings; the API takes numbers as well (resource.Quantity).
QUANTITIES = {"limits", "requests", "capacity", "allocatable", "overhead", "hard", "used", "default", "default_request"}
QUANTITIES |= {"max", "min", "max_limit_request_ratio", "size_limit", "divisor", "pod_fixed", "allocated_resources"}
BYTES = {"Secret.data", "ConfigMap.binary_data"}
# Untyped in the models, because JSON schema allows more there than a CRD may say.
SCHEMAS = {"JSONSchemaProps.items": "JSONSchemaProps", "JSONSchemaProps.additional_properties": "?JSONSchemaProps"}
MICRO = {"acquire_time", "renew_time", "event_time", "last_observed_time"}
SCALARS = {"str": "s", "int": "i", "float": "n", "bool": "b", "object": "*", "datetime": "t"}


def table_from_client() -> dict[str, dict[str, str]]:
    """Every type reachable from the kinds we have: `{type: {field: type of the field}}`.

    `s i n b t u q y *` are text, integer, number, boolean, time, time with microseconds, quantity, base64 and anything;
    `[T]` is a list, `{T}` a free map, `?T` a T or a boolean.
    """
    models = importlib.import_module("kubernetes.client.models")
    table: dict[str, dict[str, str]] = {}
    wanted = list(ROOTS)
    while wanted:
        name = wanted.pop()
        if _short(name) in table:
            continue
        model: Any = getattr(models, name)
        fields = table[_short(name)] = {}
        for attribute, python_type in sorted(model.openapi_types.items()):
            wanted += [word for word in re.findall(r"\w+", python_type) if word[0].isupper()]
            code = _code(python_type)
            if attribute in QUANTITIES and code in ("{s}", "s"):
                code = code.replace("s", "q")
            elif f"{_short(name)}.{attribute}" in BYTES:
                code = code.replace("s", "y")
            elif attribute in MICRO:
                code = code.replace("t", "u")
            fields[model.attribute_map[attribute]] = SCHEMAS.get(f"{_short(name)}.{attribute}", code)
    return dict(sorted(table.items()))


def _short(name: str) -> str:
    return ALIASES.get(name, re.sub(r"^V1(?=[A-Z])", "", name))


def _code(python_type: str) -> str:
    if python_type.startswith("list["):
        return f"[{_code(python_type[5:-1])}]"
    if python_type.startswith("dict[str, "):
        return f"{{{_code(python_type[10:-1])}}}"
    return SCALARS.get(python_type) or _short(python_type)


def _written(table: dict[str, dict[str, str]]) -> str:
    lines = (f"{json.dumps(name)}: {json.dumps(fields, separators=(',', ':'))}" for name, fields in table.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def test_the_table_is_what_the_official_client_says() -> None:
    kubernetes = pytest.importorskip("kubernetes")
    if not kubernetes.__version__.startswith(CLIENT.split(".")[1] + "."):
        pytest.skip(f"the installed client is not of release {CLIENT}")
    assert TABLE.read_text() == _written(table_from_client())


if __name__ == "__main__":
    TABLE.write_text(_written(table_from_client()))
