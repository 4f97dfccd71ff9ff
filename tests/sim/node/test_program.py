"""What a program of ours is started with."""

from __future__ import annotations

import pytest

from spo.sim.node.program import arguments, environment, expand, pod_field

POD = {
    "metadata": {"name": "spod-x", "namespace": "spo", "labels": {"app.kubernetes.io/name": "spod"}},
    "spec": {"nodeName": "node-1"},
}


def test_variables_come_from_values_earlier_ones_and_the_pod() -> None:
    container = {
        "env": [
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "WHERE", "value": "on $(NODE_NAME)"},
            {"name": "EMPTY"},
        ],
        "command": ["spo"],
        "args": ["daemon", "--node=$(NODE_NAME)"],
    }
    found = environment(container, POD)

    assert found == {"NODE_NAME": "node-1", "WHERE": "on node-1", "EMPTY": ""}
    assert arguments(container, found) == ("spo", "daemon", "--node=node-1")


@pytest.mark.parametrize(
    ("text", "filled"),
    [("$(A)", "1"), ("$(B)", "$(B)"), ("$$(A)", "$(A)"), ("x$(A)y$(A)", "x1y1"), ("$A", "$A")],
)
def test_only_known_names_in_brackets_are_filled_in(text: str, filled: str) -> None:
    assert expand(text, {"A": "1"}) == filled


def test_a_label_of_the_pod_can_be_named() -> None:
    assert pod_field(POD, "metadata.labels['app.kubernetes.io/name']") == "spod"
    assert pod_field(POD, "status.podIP") == ""
