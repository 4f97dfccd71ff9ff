"""`deploy/` is what the code says it is, whole and movable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from spo.installation.files import differences
from spo.installation.manifest_files import texts
from spo.render.install import files, manifests

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
HOME = "security-profiles-operator"


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def test_the_files_are_the_ones_that_the_code_makes() -> None:
    assert differences(DEPLOY, texts()) == []


def test_all_in_one_holds_what_the_parts_hold_in_the_order_of_installation() -> None:
    parts = [each for name in files() for each in read(name)]
    assert read("operator.yaml") == parts == manifests()


def test_each_object_comes_after_what_it_needs() -> None:
    kinds = list(dict.fromkeys(each["kind"] for each in manifests()))
    assert kinds == [
        "Namespace",
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Deployment",
        "SeccompProfile",
    ]


def test_no_object_stands_there_twice() -> None:
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in manifests()]
    assert len(names) == len(set(names))


def namespaces(value: Any) -> set[str]:
    """Every namespace that is named anywhere in a manifest."""
    if isinstance(value, list):
        return {name for each in value for name in namespaces(each)}
    if isinstance(value, dict):
        own = {value["namespace"]} if isinstance(value.get("namespace"), str) else set()
        return own | {name for each in value.values() for name in namespaces(each)}
    return set()


def test_one_setting_moves_the_operator_to_another_namespace() -> None:
    moved = manifests("openshift-security-profiles")
    assert moved[0]["metadata"]["name"] == "openshift-security-profiles"
    assert namespaces(moved) == {"openshift-security-profiles"}


def test_one_setting_changes_the_image() -> None:
    deployment = next(each for each in manifests(image="example.org/spo:2") if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "example.org/spo:2"
    assert {"name": "OPERATOR_IMAGE", "value": "example.org/spo:2"} in container["env"]


def test_the_namespace_lets_the_daemons_mount_a_directory_of_the_node() -> None:
    (namespace,) = read("namespace.yaml")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


def test_the_manager_selects_its_own_pods() -> None:
    (manager,) = read("manager.yaml")
    spec = manager["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert spec["template"]["spec"]["containers"][0]["args"] == ["manager"]
    assert spec["replicas"] > 1
