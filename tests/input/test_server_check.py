"""Objects of our kinds are held against an API server before there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from spo.input.load import load
from spo.input.server_check import refusals

API = "security-profiles-operator.x-k8s.io"


def profile(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": f"{API}/v1beta1", "kind": "SeccompProfile", "metadata": metadata, "spec": spec}


def spod(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "spod", "namespace": "operators"}
    kind = "SecurityProfilesOperatorDaemon"
    return {"apiVersion": f"{API}/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def told(directory: Path, *objects: dict[str, Any]) -> list[str]:
    file = directory / "a.yaml"
    file.write_text(yaml.safe_dump_all(objects, sort_keys=False))
    return [str(problem).replace(f"{directory}/", "") for problem in refusals(load([str(file)]))]


def test_what_a_server_takes_is_not_objected_to(tmp_path: Path) -> None:
    assert told(tmp_path, profile("web", defaultAction="SCMP_ACT_LOG"), spod(verbosity=1)) == []


def test_each_object_that_a_server_refuses_is_told_with_line_field_and_remedy(tmp_path: Path) -> None:
    action, field, nested = told(
        tmp_path,
        profile("a", defaultAction="SCMP_ACT_LOK"),
        profile("b", defaultAction="SCMP_ACT_LOG", flag=[]),
        profile("c", defaultAction="SCMP_ACT_LOG"),
        spod(security={"allowedSyscalls": []}),
    )
    assert action.startswith("a.yaml:7: SeccompProfile shop/a: spec.defaultAction: Unsupported value")
    assert action.endswith("→ did you mean SCMP_ACT_LOG?")
    assert field == 'a.yaml:16: SeccompProfile shop/b: unknown field "spec.flag"\n    → did you mean flags?'
    assert "spec.security" in nested and "Set allowedSyscalls" in nested
