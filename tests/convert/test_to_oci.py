"""`--to oci`: the very file that the operator puts onto nodes, with its bases in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.convert.conversion import Wish
from spo.convert.objections import NotConvertible
from spo.convert.to_oci import Files, files_of
from spo.model.manifest import from_manifest
from spo.model.seccomp import SeccompProfile
from spo.render.bases import shipped
from spo.render.install import NAMESPACE
from spo.render.resolve import resolve
from spo.render.seccomp import render
from tests.convert.test_conversion import ANYTHING, converted, named
from tests.convert.test_generations import profile, spod

ALLOW = "SCMP_ACT_ALLOW"


def allowing(*names: str, **spec: Any) -> dict[str, Any]:
    return profile(syscalls=[{"action": ALLOW, "names": list(names)}], **spec)


def files(*objects: dict[str, Any], wish: Wish = ANYTHING, operator_namespace: str | None = None) -> Files:
    return files_of(converted(*objects, wish=wish), operator_namespace)


def refusal(*objects: dict[str, Any]) -> str:
    with pytest.raises(NotConvertible) as caught:
        files(*objects)
    (each,) = caught.value.objections
    return f"{each.source}: {each.subject}: {each.field}: {each.what} → {each.remedy}"


def allowed(text: str) -> set[str]:
    return {name for rule in json.loads(text)["syscalls"] for name in rule["names"] if rule["action"] == ALLOW}


def test_the_file_is_the_operators_byte_for_byte() -> None:
    web = allowing("read", baseProfileName="runc-v1.0.0", architectures=["SCMP_ARCH_NATIVE", "SCMP_ARCH_X86"])
    bases = {each.metadata.name: each for each in shipped(NAMESPACE)}
    resolved = resolve(
        from_manifest(web, SeccompProfile),
        lambda space, name: bases.get(name) if space == NAMESPACE else None,
        NAMESPACE,
    )

    found = files(web)
    assert found.texts == {"shop/web.json": render(resolved).decode()}
    assert found.notes == (f"SeccompProfile shop/web: with what its bases let through: {NAMESPACE}/runc-v1.0.0",)


def test_bases_are_taken_from_all_that_is_given_and_only_what_is_chosen_is_written() -> None:
    middle = named(allowing("write", baseProfileName="bottom"), "middle")
    bottom = named(allowing("close"), "bottom")
    found = files(allowing("read", baseProfileName="middle"), middle, bottom, wish=Wish("web"))
    assert list(found.texts) == ["shop/web.json"]
    assert allowed(found.texts["shop/web.json"]) == {"read", "write", "close"}


def test_a_base_may_be_where_the_operator_is_which_a_spod_tells() -> None:
    web, base = allowing("read", baseProfileName="base"), named(allowing("write"), "base", "operators")
    assert "write" in allowed(files(web, base, spod("v1alpha1")).texts["shop/web.json"])
    assert "write" in allowed(files(web, base, operator_namespace="operators").texts["shop/web.json"])
    assert "which does not exist in namespaces shop and security-profiles-operator" in refusal(web, base)


def test_a_missing_base_is_refused_by_name() -> None:
    assert refusal(allowing("read", baseProfileName="nope")) == (
        "given.yaml:1: SeccompProfile shop/web: spec.baseProfileName: shop/web names the base profile nope, which does "
        "not exist in namespaces shop and security-profiles-operator → give its manifest as well, or correct the name"
    )
    assert "cycle" in refusal(allowing("read", baseProfileName="web"))


def test_conditions_that_no_file_says_exactly_are_refused() -> None:
    def below(action: str, value: int) -> dict[str, Any]:
        return {"action": action, "names": ["read"], "args": [{"index": 0, "op": "SCMP_CMP_LT", "value": value}]}

    assert "read has rules with different actions" in refusal(
        profile(syscalls=[below(ALLOW, 1 << 40), below("SCMP_ACT_LOG", 1 << 41)])
    )


def test_a_profile_without_a_namespace_is_in_the_default_one() -> None:
    anywhere = allowing("read", baseProfileName="base")
    base = allowing("write")
    anywhere["metadata"], base["metadata"] = {"name": "web"}, {"name": "base"}
    assert list(files(anywhere, base).texts) == ["default/web.json", "default/base.json"]


def test_what_no_node_has_is_told_so() -> None:
    disabled, partial = allowing("read", state="Disabled"), named(allowing("read"), "part")
    partial["metadata"]["labels"] = {"spo.x-k8s.io/partial": "true"}
    assert files(disabled, partial).notes == (
        "SeccompProfile shop/web: it is disabled: no node has this file",
        "SeccompProfile shop/part: it is partial: no node has this file",
    )


def test_what_has_no_form_in_oci_is_left_out_by_name() -> None:
    found = files(allowing("read"), spod("v1alpha1"))
    assert list(found.texts) == ["shop/web.json"]
    assert found.notes == ("SecurityProfilesOperatorDaemon operators/spod is left out: OCI has nothing like it",)


def test_where_nothing_has_a_form_in_oci_that_is_refused() -> None:
    with pytest.raises(NotConvertible, match="there is no SeccompProfile among these objects"):
        files(spod("v1alpha1"))
    generated = {**allowing("read"), "metadata": {"generateName": "web-", "namespace": "shop"}}
    assert "metadata.name: is missing, and a file is named like its profile" in refusal(generated)


def test_no_file_is_written_that_no_runtime_loads() -> None:
    said = refusal(allowing("read", architectures=["SCMP_ARCH_X86", "SCMP_ARCH_MIPS"]))
    assert "web: spec: SCMP_ARCH_X86 and SCMP_ARCH_MIPS differ in byte order" in said


def test_a_profile_of_oci_is_itself_again() -> None:
    document = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": ALLOW}]}
    (text,) = files_of(converted(document, files=("web.json",)), None).texts.values()
    assert json.loads(text) == document
