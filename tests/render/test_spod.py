from __future__ import annotations

from typing import Any

from msgspec.structs import fields

from spo.model.manifest import from_manifest
from spo.model.spod import SecurityProfilesOperatorDaemon, SpodSpec
from spo.render.spod import default_spod, not_built, remarks


def spod(**spec: Any) -> SecurityProfilesOperatorDaemon:
    return SecurityProfilesOperatorDaemon(spec=SpodSpec(**spec))


def test_selinux_left_to_the_platform_is_not_asked_for() -> None:
    assert not_built(spod(enable_selinux=None)) == not_built(spod(enable_selinux=False)) == ()


def test_the_default_spod_is_complete_and_asks_for_nothing_we_lack() -> None:
    manifest = default_spod("operators")
    assert manifest["metadata"] == {
        "name": "spod",
        "namespace": "operators",
        "labels": {"app": "security-profiles-operator"},
    }
    assert manifest["spec"]["priorityClassName"] == "system-node-critical"
    assert manifest["spec"]["enableLogEnricher"] is False
    assert manifest["spec"]["nonCompliantProfiles"] == "Delete"
    assert len(manifest["spec"]["tolerations"]) == 3
    found = from_manifest(manifest, SecurityProfilesOperatorDaemon)
    assert (not_built(found), remarks(found)) == ((), ())


def test_the_default_spod_has_only_fields_that_there_are() -> None:
    assert set(default_spod("operators")["spec"]) <= {each.encode_name for each in fields(SpodSpec)}


def test_an_empty_list_gets_a_remark() -> None:
    (remark,) = remarks(spod(allowed_syscalls=()))
    assert remark.field == "spec.allowedSyscalls"
    assert "restricts nothing" in remark.message
    assert remarks(spod(allowed_syscalls=("exit",))) == ()
