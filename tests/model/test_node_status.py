from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from spo.model.manifest import to_manifest
from spo.model.node_status import name_of, node_status

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,248}[a-z0-9])?", fullmatch=True)
OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@given(NAMES, NAMES, NAMES)
def test_its_name_is_a_valid_one(profile: str, namespace: str, node: str) -> None:
    name = name_of("SeccompProfile", profile, namespace, node)
    assert OBJECT_NAME.fullmatch(name)
    assert len(name) <= 253


def test_its_name_says_what_it_is_about() -> None:
    assert name_of("SeccompProfile", "nginx", "shop", "node-a").startswith("seccompprofile-nginx-")


def test_names_that_would_read_the_same_differ() -> None:
    names = {name_of("SeccompProfile", "a-b", "d", "c"), name_of("SeccompProfile", "a", "d", "b-c")}
    assert len(names) == 2
    assert name_of("SeccompProfile", "a", "d", "c") != name_of("SelinuxProfile", "a", "d", "c")
    assert name_of("SeccompProfile", "a", "dc", "b") != name_of("SeccompProfile", "a", "d", "cb")


def test_a_name_that_is_cut_at_a_dot_is_still_a_valid_one() -> None:
    assert OBJECT_NAME.fullmatch(name_of("SeccompProfile", "a" * 228 + "." + "b" * 20, "d", "c"))


def test_a_new_one_has_all_that_others_look_for() -> None:
    manifest = to_manifest(node_status("SeccompProfile", "nginx", "shop", "node-a"))
    assert manifest["nodeName"] == "node-a"
    assert manifest["status"] == "Pending"
    assert manifest["metadata"]["finalizers"] == ["spo.x-k8s.io/node"]
    assert manifest["metadata"]["labels"] == {
        "spo.x-k8s.io/profile-id": "SeccompProfile-nginx",
        "spo.x-k8s.io/profile-kind": "SeccompProfile",
        "spo.x-k8s.io/profile-state": "Pending",
        "spo.x-k8s.io/node-name": "node-a",
    }


def test_the_label_follows_the_state() -> None:
    moved = node_status("SeccompProfile", "nginx", "shop", "node-a").with_state("Installed")
    assert moved.metadata.labels["spo.x-k8s.io/profile-state"] == moved.status == "Installed"
