"""Each object of the input gets the treatment a user would want, and mistakes are caught before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from spo.input.classify import Intake, sort_out
from spo.input.load import BadInput, Loaded, Source
from spo.model.resource import CRDS, DAEMONSETS, NAMESPACES, NODES, PODS, SECCOMP_PROFILES, SPODS

SERVED = {(r.api_version, r.kind): r for r in (PODS, NODES, NAMESPACES, DAEMONSETS, CRDS, SECCOMP_PROFILES, SPODS)}
OURS = "security-profiles-operator.x-k8s.io"


def item(
    kind: str, name: str = "a", api_version: str = "v1", line: int = 1, *, version: int = 0, **more: Any
) -> Loaded:
    metadata: dict[str, Any] = {"name": name, "namespace": "shop"}
    if version:
        metadata |= {"uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "resourceVersion": str(version)}
    return Loaded({"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}, Source("a.yaml", 1, 0, line))


def names(items: list[Loaded]) -> list[str]:
    return [f"{each.kind} {each.name}" for each in items]


def refusal(*items: Loaded) -> str:
    with pytest.raises(BadInput) as caught:
        sort_out(items, SERVED)
    return str(caught.value)


def test_what_a_server_wrote_is_present_and_what_a_person_wrote_is_a_wish() -> None:
    intake = sort_out([item("Pod", "old", version=3), item("SeccompProfile", "new", f"{OURS}/v1beta1")], SERVED)
    assert (names(intake.present), names(intake.wishes)) == (["Pod old"], ["SeccompProfile new"])


def test_a_dump_with_kinds_that_nobody_simulates_works_and_they_are_counted() -> None:
    intake = sort_out([item("Service", str(i)) for i in range(3)] + [item("ConfigMap"), item("Pod")], SERVED)
    assert intake.given == {"Service": 3, "ConfigMap": 1}
    assert names(intake.wishes) == ["Pod a"]


def test_a_custom_resource_without_its_definition_stops_nothing_and_is_named() -> None:
    intake = sort_out([item("Certificate", api_version="cert-manager.io/v1"), item("Pod")], SERVED)
    assert intake.given == {"Certificate": 1}
    assert names(intake.wishes) == ["Pod a"]


def test_a_custom_resource_whose_definition_is_in_the_input_is_applied() -> None:
    spec = {"group": "example.com", "names": {"kind": "Widget"}}
    definition = item("CustomResourceDefinition", "widgets.example.com", "apiextensions.k8s.io/v1", spec=spec)
    intake = sort_out([definition, item("Widget", api_version="example.com/v1")], SERVED)
    assert names(intake.wishes) == ["CustomResourceDefinition widgets.example.com", "Widget a"]


@pytest.mark.parametrize(
    ("kind", "api_version", "hint"),
    [
        ("Pdo", "v1", "did you mean Pod?"),
        ("Deploymnet", "apps/v1", "did you mean Deployment?"),
        ("SecompProfile", f"{OURS}/v1beta1", "did you mean SeccompProfile?"),
        ("Deployment", "v1", "check the spelling of kind and apiVersion"),
    ],
)
def test_a_kind_that_no_cluster_has_is_refused_with_a_guess(kind: str, api_version: str, hint: str) -> None:
    message = refusal(item(kind, api_version=api_version, line=7))
    assert f"a.yaml:7: {kind} a: kind: `{api_version}` has no kind {kind}" in message
    assert hint in message


def test_a_kind_of_ours_that_is_not_in_this_release_is_rejected_by_name_and_the_rest_goes_on() -> None:
    intake = sort_out([item("SelinuxProfile", api_version=f"{OURS}/v1alpha2"), item("Pod")], SERVED)
    (rejected,) = intake.rejected
    assert rejected.message == "SelinuxProfile is not in this release"
    assert rejected.remedy
    assert names(intake.wishes) == ["Pod a"]


def test_another_version_of_a_kind_of_ours_is_rejected_with_the_version_that_works() -> None:
    (rejected,) = sort_out([item("SeccompProfile", api_version=f"{OURS}/v1")], SERVED).rejected
    assert rejected.remedy.startswith(f"write it as {OURS}/v1beta1, as `spo convert ")


def test_two_spods_are_refused_with_their_places() -> None:
    message = refusal(item("SecurityProfilesOperatorDaemon", "spod", SPODS.api_version, 1),
                      item("SecurityProfilesOperatorDaemon", "other", SPODS.api_version, 9))  # fmt: skip
    assert "shop/spod (a.yaml:1), shop/other (a.yaml:9)" in message
    assert "put all settings there" in message


def test_an_object_that_a_dump_has_twice_counts_once_and_the_newer_stands() -> None:
    intake = sort_out([item("Pod", version=5, line=1), item("Pod", version=7, line=2), item("Pod", version=6)], SERVED)
    assert [each.source.line for each in intake.present] == [2]
    assert intake.notes == ["2 objects of the dump stand in it more than once: the newest of each was taken"]


def given_twice(**second: Any) -> Intake:
    return sort_out([item("Pod", line=1), item("Pod", line=5, **second)], SERVED)


def test_a_wish_given_twice_word_for_word_is_applied_once_with_a_note() -> None:
    intake = given_twice()
    assert len(intake.wishes) == 1
    assert intake.notes == ["Pod shop/a is given twice, word for word: a.yaml:1 and a.yaml:5"]


def test_a_wish_given_again_with_other_content_is_applied_after_the_first_with_a_note() -> None:
    intake = given_twice(spec={"nodeName": "x"})
    assert len(intake.wishes) == 2
    assert intake.notes == ["Pod shop/a is given twice: a.yaml:1 and, applied after it, a.yaml:5"]


def test_a_wish_for_an_object_of_the_dump_is_no_repetition() -> None:
    intake = sort_out([item("Pod", version=5), item("Pod")], SERVED)
    assert (len(intake.present), len(intake.wishes), intake.notes) == (1, 1, [])


def test_generated_names_are_never_the_same_object() -> None:
    def generated(line: int) -> Loaded:
        obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}}
        return Loaded(obj, Source("a.yaml", 1, 0, line))

    assert len(sort_out([generated(1), generated(5)], SERVED).wishes) == 2
