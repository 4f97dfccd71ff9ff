from __future__ import annotations

import msgspec
import pytest

from spo.model.manifest import from_manifest, to_manifest
from spo.model.meta import ObjectMeta
from spo.model.seccomp import PROFILE_NAME_MAX, SeccompProfile, SeccompProfileSpec, Syscall, file_from_localhost


def profile(name: str = "nginx", namespace: str = "shop") -> SeccompProfile:
    return SeccompProfile(SeccompProfileSpec("SCMP_ACT_ERRNO"), ObjectMeta(name=name, namespace=namespace))


def test_its_file_is_named_by_namespace_and_name() -> None:
    assert profile().file == "shop/nginx.json"
    assert profile().localhost_profile == "operator/shop/nginx.json"


def test_no_name_leads_out_of_the_directory() -> None:
    assert profile("a/../../b", "x/y").file == "y/b.json"


def test_two_profiles_never_share_a_file() -> None:
    assert profile("a").file != profile("a.json").file


def test_the_longest_name_still_fits_into_a_path() -> None:
    assert len(profile("a" * PROFILE_NAME_MAX).file.split("/")[1].encode()) == 255


def test_a_pod_finds_the_file_by_what_the_status_says() -> None:
    assert file_from_localhost(profile().localhost_profile) == profile().file


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "audit.json",
        "operator/nginx.json",
        "operator/a/b/c.json",
        "operator/a/b.json/c.json",
        "operator//nginx.json",
        "operator/a/b",
    ],
)
def test_other_references_are_not_ours(reference: str) -> None:
    assert file_from_localhost(reference) is None


def test_a_recorded_piece_is_known_by_its_label_alone() -> None:
    piece = profile().with_metadata(profile().metadata.with_label("spo.x-k8s.io/partial", ""))
    assert piece.partial
    assert not piece.reconcilable


def test_unknown_fields_are_nothing_to_stumble_over() -> None:
    raw = b'{"spec":{"defaultAction":"SCMP_ACT_LOG","new":{}},"metadata":{"managedFields":[]},"status":{"a":1}}'
    assert msgspec.json.decode(raw, type=SeccompProfile).spec.default_action == "SCMP_ACT_LOG"


def test_a_manifest_comes_back_as_it_went() -> None:
    manifest = {
        "apiVersion": "security-profiles-operator.x-k8s.io/v1beta1",
        "kind": "SeccompProfile",
        "metadata": {"name": "nginx", "namespace": "shop"},
        "spec": {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [
                {
                    "names": ["socket"],
                    "action": "SCMP_ACT_ERRNO",
                    "errnoRet": "97",
                    "args": [{"index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 7, "valueTwo": 1}],
                }
            ],
        },
    }
    assert to_manifest(from_manifest(manifest, SeccompProfile)) == manifest


def test_a_changed_profile_is_another_value() -> None:
    first = profile()
    second = first.with_syscalls(Syscall(("read",), "SCMP_ACT_ALLOW"))
    assert first.spec.syscalls == ()
    assert second.spec.syscalls[0].names == ("read",)
