"""Objects of other releases of the operator come out in the form of this one; what it lacks is refused by name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spo.convert.generations import SETTINGS, Written, in_our_form
from spo.convert.objections import NotConvertible
from spo.model.resource import GROUP, SECCOMP_PROFILES, SPODS

SPOD = "SecurityProfilesOperatorDaemon"


def profile(version: str = "v1beta1", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": "SeccompProfile",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"defaultAction": "SCMP_ACT_ERRNO", **spec},
    }


def spod(version: str = "v1", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "spod", "namespace": "operators"}
    return {"apiVersion": f"{GROUP}/{version}", "kind": SPOD, "metadata": metadata, "spec": spec}


def written(obj: dict[str, Any], namespace: str = "") -> Written:
    """Converted; the object that was given is as it was."""
    before = copy.deepcopy(obj)
    found = in_our_form(obj, namespace)
    assert obj == before
    return found


def refused(obj: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(NotConvertible) as caught:
        in_our_form(obj, "")
    return {each.field: f"{each.what} → {each.remedy}" for each in caught.value.objections}


def test_an_object_of_this_release_stays_as_it_is() -> None:
    found = written(profile(baseProfileName="runc-v1.0.0", syscalls=[]))
    assert found == Written(profile(baseProfileName="runc-v1.0.0", syscalls=[]))


@pytest.mark.parametrize("version", ["v1alpha1", "v1"])
def test_another_version_of_a_profile_is_written_in_ours(version: str) -> None:
    found = written(profile(version))
    assert found.object == profile()
    assert found.changes == (f"apiVersion: {version} → v1beta1",)


@pytest.mark.parametrize(("disabled", "state"), [(True, "Disabled"), (False, "Enabled")])
def test_disabled_is_a_state_now(disabled: bool, state: str) -> None:
    found = written(profile(disabled=disabled))
    assert found.object == profile(state=state)
    assert found.changes == (f'spec.disabled → spec.state: "{state}"',)


def test_disabled_beside_a_state_or_as_a_word_is_refused() -> None:
    assert "keep spec.state" in refused(profile(disabled=True, state="Enabled"))["spec.disabled"]
    assert "must be true or false, here it is `yes`" in refused(profile(disabled="yes"))["spec.disabled"]


def test_the_folder_of_the_first_releases_is_gone_and_the_new_path_is_told() -> None:
    found = written(profile("v1alpha1", targetWorkload="web-servers"))
    assert found.object == profile()
    assert "operator/shop/<name>.json now, no longer operator/shop/web-servers/<name>.json" in found.changes[1]


@pytest.mark.parametrize(("asked", "there"), [("", "default"), ("shop", "shop")])
def test_a_profile_that_was_cluster_wide_gets_a_namespace_and_pods_another_path(asked: str, there: str) -> None:
    wide = profile("v1")
    del wide["metadata"]["namespace"]
    found = written(wide, asked)
    assert found.object["metadata"] == {"name": "web", "namespace": there}
    assert f"pods name it operator/{there}/<name>.json now, no longer operator/<name>.json" in found.changes[1]


def test_a_dumped_profile_without_a_namespace_was_cluster_wide_whatever_its_version() -> None:
    dumped = profile("v1beta1")
    dumped["metadata"] = {"name": "web", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    assert "it was cluster-wide" in written(dumped).changes[0]


def test_a_manifest_without_a_namespace_stays_without_unless_one_is_asked_for() -> None:
    anywhere = profile()
    del anywhere["metadata"]["namespace"]
    assert written(anywhere).object == anywhere
    assert written(anywhere, "shop").object == profile()


def test_what_a_server_or_an_operator_had_set_does_not_come_along() -> None:
    dumped = profile()
    dumped["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{}],
        "finalizers": ["node-1-deleted"],
        "labels": {"spo.x-k8s.io/profile-id": "SeccompProfile-web", "app": "web"},
        "annotations": {"syscalls": "null"},
    }
    dumped["status"] = {"status": "Installed"}
    found = written(dumped)

    assert found.object == {**profile(), "metadata": {**profile()["metadata"], "labels": {"app": "web"}}}
    assert found.dropped == (
        "metadata.uid",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.creationTimestamp",
        "metadata.managedFields",
        "metadata.finalizers",
        "label spo.x-k8s.io/profile-id",
        "annotation syscalls",
        "status",
    )


def test_fields_come_in_the_order_that_one_reads_them_in() -> None:
    dumped = {"apiVersion": profile()["apiVersion"], "kind": "SeccompProfile", "spec": profile()["spec"]}
    dumped["metadata"] = {"labels": {"a": "b"}, "namespace": "shop", "name": "web"}
    found = written(dumped).object
    assert (list(found), list(found["metadata"])) == (
        ["apiVersion", "kind", "metadata", "spec"],
        ["name", "namespace", "labels"],
    )


# -- spod ------------------------------------------------------------------------------------------------------------

NESTED: dict[str, Any] = {
    "verbosity": 1,
    "enableAppArmor": True,
    "selinux": {"enable": True, "typeTag": "x_t", "options": {"allowedSystemProfiles": ["net"]}},
    "enricher": {
        "enableLogEnricher": True,
        "enableJsonEnricher": True,
        "enableBpfRecorder": True,
        "logEnricherFilters": "[]",
        "logEnricherSource": "Auditd",
        "jsonEnricherFilters": "[]",
        "jsonEnricherOptions": {"auditLogPath": "/a"},
    },
    "webhook": {"staticConfig": True, "options": [{"name": "binding.spo.io"}]},
    "scheduling": {"tolerations": [], "affinity": {}, "priorityClassName": "p"},
    "security": {
        "allowedSyscalls": ["read"],
        "allowedSeccompActions": ["SCMP_ACT_LOG"],
        "disableOciArtifactSignatureVerification": True,
    },
}
FLAT: dict[str, Any] = {
    "verbosity": 1,
    "enableAppArmor": True,
    "enableSelinux": True,
    "selinuxTypeTag": "x_t",
    "selinuxOptions": {"allowedSystemProfiles": ["net"]},
    "enableLogEnricher": True,
    "enableJsonEnricher": True,
    "enableBpfRecorder": True,
    "logEnricherFilters": "[]",
    "logEnricherSource": "auditd",
    "jsonEnricherFilters": "[]",
    "jsonEnricherOptions": {"auditLogPath": "/a"},
    "staticWebhookConfig": True,
    "webhookOptions": [{"name": "binding.spo.io"}],
    "tolerations": [],
    "affinity": {},
    "priorityClassName": "p",
    "allowedSyscalls": ["read"],
    "allowedSeccompActions": ["SCMP_ACT_LOG"],
    "disableOciArtifactSignatureVerification": True,
}


@pytest.mark.parametrize("version", ["v1", "v1alpha1"])
def test_a_nested_spod_is_flat_now_and_each_setting_is_told(version: str) -> None:
    found = written(spod(version, **NESTED))
    assert found.object == spod("v1alpha1", **FLAT)
    moved = {change.partition(" → spec.")[2].partition(":")[0] for change in found.changes if "→ spec." in change}
    assert moved == set(FLAT) - {"verbosity", "enableAppArmor"}
    assert "spec.enricher.enableLogEnricher → spec.enableLogEnricher: true" in found.changes


def test_each_setting_of_the_flat_form_that_the_nested_one_had_has_a_place() -> None:
    of_both = {"verbosity", "enableProfiling", "enableMemoryOptimization", "enableAppArmor", "hostProcVolumePath"}
    of_both |= {"imagePullSecrets", "daemonResourceRequirements"}
    only_here = {"nonCompliantProfiles"}
    assert set(FLAT) | of_both | only_here == SETTINGS


def test_a_setting_that_this_release_lacks_is_refused_by_the_name_it_has() -> None:
    told = refused(spod(security={"allowedIdentityRegexp": ".*"}, selinux={"enableRawSelinuxProfiles": True}))
    assert list(told) == ["spec.selinux.enableRawSelinuxProfiles", "spec.security.allowedIdentityRegexp"]
    assert all("this release has no such setting → leave it out" in each for each in told.values())


def test_a_setting_in_both_forms_is_refused() -> None:
    told = refused(spod(enableLogEnricher=False, enricher={"enableLogEnricher": True}))
    assert "keep spec.enableLogEnricher" in told["spec.enricher.enableLogEnricher"]
    assert "must be a mapping" in refused(spod(enricher=[1]))["spec.enricher"]
    assert written(spod("v1alpha1", enricher=None, security={})).object == spod("v1alpha1")


# -- kinds and versions that are not there ---------------------------------------------------------------------------


def other(kind: str, version: str) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": "web"}}


def test_kinds_that_are_not_in_this_release_are_refused_by_name() -> None:
    assert refused(other("SelinuxProfile", "v1alpha2")) == {
        "kind": "SelinuxProfile is not in this release → leave it out"
    }
    told = refused(other("SecompProfile", "v1beta1"))
    assert told == {"kind": "the operator has no kind SecompProfile → did you mean SeccompProfile?"}


def test_a_version_that_never_was_is_refused() -> None:
    told = refused(other("SeccompProfile", "v2"))
    assert told == {
        "apiVersion": "SeccompProfile was never served as v2 → write it in one of these: v1alpha1, v1beta1, v1"
    }


def test_what_comes_out_is_of_the_versions_that_this_release_serves() -> None:
    assert written(profile("v1")).object["apiVersion"] == SECCOMP_PROFILES.api_version
    assert written(spod("v1")).object["apiVersion"] == SPODS.api_version
