from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import fields

from spo.model.manifest import from_manifest
from spo.model.scheduling import ResourceRequirements, Toleration
from spo.model.spod import JsonEnricherOptions, SecurityProfilesOperatorDaemon, SelinuxOptions, SpodSpec, WebhookOptions
from spo.render.spod import LATER, default_spod, not_built, remarks


def spod(**spec: Any) -> SecurityProfilesOperatorDaemon:
    return SecurityProfilesOperatorDaemon(spec=SpodSpec(**spec))


ASKED = {
    "verbosity": 1,
    "enable_profiling": True,
    "enable_memory_optimization": True,
    "enable_selinux": True,
    "selinux_options": SelinuxOptions(("container", "net_container")),
    "enable_log_enricher": True,
    "log_enricher_filters": "[]",
    "log_enricher_source": "bpf",
    "host_proc_volume_path": "/proc/1/root",
    "enable_json_enricher": True,
    "json_enricher_filters": "[]",
    "json_enricher_options": JsonEnricherOptions(),
    "enable_bpf_recorder": True,
    "enable_app_armor": True,
    "static_webhook_config": True,
    "webhook_options": (WebhookOptions("binding.spo.io"),),
    "disable_oci_artifact_signature_verification": True,
}
BUILT = {
    "selinux_type_tag": "unconfined_t",
    "tolerations": (Toleration(operator="Exists"),),
    "affinity": None,
    "priority_class_name": "mine",
    "allowed_syscalls": ("exit",),
    "allowed_seccomp_actions": ("SCMP_ACT_ALLOW",),
    "non_compliant_profiles": "Uninstall",
    "image_pull_secrets": (),
    "daemon_resource_requirements": ResourceRequirements(),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_this_release_cannot_do_is_refused_by_name(name: str) -> None:
    json_name = next(each.encode_name for each in fields(SpodSpec) if each.name == name)
    assert [refused.field for refused in not_built(spod(**{name: ASKED[name]}))] == [f"spec.{json_name}"]


def test_what_this_release_can_do_is_not_refused() -> None:
    assert not_built(spod(**BUILT)) == ()


def test_every_setting_is_either_built_or_refused() -> None:
    assert {*ASKED, *BUILT} == {each.name for each in fields(SpodSpec)}
    assert len(LATER) == len(ASKED)


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
